"""A corpus as one folder of plain files, named as in PECOS.

X.{trn,tst}.txt: one document per line. Y.{trn,tst}.npz: CSR. output-items.txt: the label of each column, one per line.
label-names.txt: the name to show for each label, one per line (the label itself if the source has no names).
stats.json: the statistics. For a source without texts the text files are empty, and X.{trn,tst}.npz are its bag of
words.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.corpus.lines import TextLines, collapse
from lightxml_core.corpus.statistics import TextCounts, count_texts, statistics_with
from lightxml_core.corpus.types import PARTS, Corpus, Part, PartName
from lightxml_core.errors import InputError
from lightxml_core.files import atomic_path, load_csr, read_json, remake, save_csr, unchanged, write_json, write_text

LABELS, NAMES, STATS = "output-items.txt", "label-names.txt", "stats.json"
SHOWN = 5

logger = logging.getLogger(__name__)


def write_corpus(corpus: Corpus, folder: Path, copy: str | None = None) -> dict[str, Any]:
    """Write the folder described above and return the statistics; InputError if a text is invalid.

    copy: the download that the corpus was read from, for readers of the results; None if it was not downloaded.
    Texts are written first, because reading them may fail. stats.json is written last, so a folder with it is complete.
    """
    (folder / STATS).unlink(missing_ok=True)
    trn, tst = _write_texts(corpus, folder)
    for name in PARTS:
        part = corpus.part(name)
        save_csr(folder / f"Y.{name}.npz", part.Y)
        features = folder / f"X.{name}.npz"
        if part.X is None:
            features.unlink(missing_ok=True)
        else:
            save_csr(features, part.X)
    _write_lines(folder / LABELS, corpus.labels)
    _write_lines(folder / NAMES, corpus.labels if corpus.names is None else corpus.names)
    _warn_unseen(corpus)
    stats = statistics_with(corpus, trn, tst) | ({} if copy is None else {"copy": copy})
    write_json(folder / STATS, stats)
    return stats


def load_stats(folder: Path) -> dict[str, Any]:
    """The statistics of a stored corpus."""
    stats: dict[str, Any] = read_json(unchanged(folder / STATS))
    return stats


def load_labels(folder: Path) -> list[str]:
    """The L labels by column. InputError if their number differs from stats.json."""
    return _load_lines(folder, LABELS)


def load_label_names(folder: Path) -> list[str]:
    """The names of the L labels by column, for display. InputError if their number differs from stats.json."""
    return _load_lines(folder, NAMES)


def load_Y(folder: Path, part: PartName) -> csr_matrix:
    """N × L float32 ones. InputError if the shape differs from stats.json."""
    stats, source = load_stats(folder), folder / f"Y.{part}.npz"
    Y = load_csr(unchanged(source))
    expected = (stats[f"documents_{part}"], stats["labels"])
    if Y.shape != expected:
        raise InputError(_mismatch(source, f"is {Y.shape[0]} x {Y.shape[1]}", f"{expected[0]} x {expected[1]}"))
    return Y


def load_X(folder: Path, part: PartName, unpacked: Path | None = None) -> csr_matrix:
    """N × D float32, the bag of words of a source without texts. InputError for any other source.

    unpacked: a folder for the unnamed temporary files that hold the matrix; None to keep it in memory.
    """
    stats, source = load_stats(folder), folder / f"X.{part}.npz"
    if stats["texts"]:
        raise InputError(f"{folder} has texts instead of a bag of words: build features from the texts")
    X = load_csr(unchanged(source), unpacked)
    if X.shape[0] != stats[f"documents_{part}"]:
        raise InputError(_mismatch(source, f"has {X.shape[0]} rows", str(stats[f"documents_{part}"])))
    return X


def load_texts(folder: Path, part: PartName) -> TextLines:
    """The N texts as a stream that can be iterated repeatedly.

    InputError for a source without texts, and during iteration if their number differs from stats.json.
    """
    stats = load_stats(folder)
    if not stats["texts"]:
        raise InputError(f"{folder} has only a bag of words: choose a method that needs no texts for this dataset")
    return TextLines(unchanged(folder / f"X.{part}.txt"), stats[f"documents_{part}"], folder / STATS)


def _write_texts(corpus: Corpus, folder: Path) -> tuple[TextCounts, TextCounts]:
    """Write both text files, or neither if a text is invalid."""
    with ExitStack() as stack:
        targets = [stack.enter_context(atomic_path(folder / f"X.{name}.txt")) for name in PARTS]
        trn, tst = (_write_part(corpus.part(name), target) for name, target in zip(PARTS, targets, strict=True))
        return trn, tst


def _write_part(part: Part, target: Path) -> TextCounts:
    with target.open("w", encoding="utf-8", newline="\n") as opened:
        return count_texts(part, lambda text: opened.write(text + "\n"))


def _write_lines(target: Path, lines: Iterable[str]) -> None:
    write_text(target, "".join(collapse(line) + "\n" for line in lines))


def _load_lines(folder: Path, name: str) -> list[str]:
    labels, lines = load_stats(folder)["labels"], list(TextLines(unchanged(folder / name)))
    if len(lines) != labels:
        raise InputError(_mismatch(folder / name, f"has {len(lines)} lines", str(labels)))
    return lines


def _mismatch(source: Path, found: str, expected: str) -> str:
    return f"{source} {found}, but {STATS} beside it says {expected}: {remake(source.parent)}"


def _warn_unseen(corpus: Corpus) -> None:
    unseen = np.flatnonzero(label_frequencies(corpus.trn.Y) == 0)
    if len(unseen):
        first = ", ".join(corpus.labels[label] for label in unseen[:SHOWN]) + (", …" if len(unseen) > SHOWN else "")
        logger.warning("%d labels have no training document and cannot be learnt: %s", len(unseen), first)
