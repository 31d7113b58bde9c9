"""The layout of LibMultiLabel: one document per line, `[ID tab] labels tab text`, with blanks between the labels."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.corpus.labels import documents_without_labels, label_matrices
from lightxml_core.corpus.layouts.layout import Layout
from lightxml_core.corpus.layouts.lists import list_suspicion
from lightxml_core.corpus.layouts.locate import locate
from lightxml_core.corpus.layouts.shipped import ShippedFiles
from lightxml_core.corpus.leniency import Leniency, refuse
from lightxml_core.corpus.lines import collapse, read_lines
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.errors import InputError

FILES = {"trn": "train.txt", "tst": "test.txt"}
SHIPPED = (ShippedFiles("train_tfidf.svm", "test_tfidf.svm"),)
_COLUMNS = {2: "labels and text", 3: "an ID, labels and text"}

logger = logging.getLogger(__name__)


def read(folder: Path, rules: Leniency) -> Corpus:
    """Read `train.txt` and `test.txt`. IDs are skipped; a file has one on every line or on none.

    The labels are those of both parts, sorted as strings. Blank lines are skipped. A warning is given if labels seem to
    be lists with another separator.
    """
    found = locate(folder, FILES)
    trn_lines, tst_lines = array("q"), array("q")
    trn, tst = _label_lists(found["trn"], trn_lines), _label_lists(found["tst"], tst_lines)
    Y_trn, Y_tst, labels = label_matrices(trn, tst)
    if max(np.diff(Y_trn.indptr).max(initial=0), np.diff(Y_tst.indptr).max(initial=0)) == 1:
        _warn_of_lists(found.values(), labels)
    return Corpus(_part(found["trn"], Y_trn, trn_lines, rules), _part(found["tst"], Y_tst, tst_lines, rules), labels)


def _label_lists(source: Path, lines: array[int]) -> Iterator[list[str]]:
    """The labels of each document; the number of its line is appended to `lines`."""
    for number, labels, _ in _documents(source):
        lines.append(number)
        yield labels.split()


def _part(source: Path, Y: csr_matrix, lines: array[int], rules: Leniency) -> Part:
    if not rules.documents_without_labels:
        without = [lines[row] for row in documents_without_labels(Y)]
        refuse(source, without, "no label", "documents_without_labels")
    return Part(_Texts(source, rules.empty_texts), Y)


def _warn_of_lists(sources: Iterable[Path], labels: list[str]) -> None:
    """For a corpus in which no document has two labels: then each label is a whole cell."""
    found = list_suspicion(labels, " ", "write blanks between labels")
    if found is not None:
        reason, example = found
        where = (
            f"{source} line {line}"
            for source in sources
            for line, cell, _ in _documents(source)
            if example in cell.split()
        )
        logger.warning("%s: labels such as %r: %s", next(where), example, reason)


@dataclass(frozen=True)
class _Texts:
    """The texts of a file, streamed; InputError at its end for empty texts, unless `keep_empty`."""

    source: Path
    keep_empty: bool

    def __iter__(self) -> Iterator[str]:
        empty = []
        for number, _, text in _documents(self.source):
            text = collapse(text)
            if not text:
                empty.append(number)
            yield text
        if not self.keep_empty:
            refuse(self.source, empty, "empty text", "empty_texts")


def _documents(source: Path) -> Iterator[tuple[int, str, str]]:
    """Line number from 1, labels and text of each document."""
    first = columns = 0
    for number, line in enumerate(read_lines(source), 1):
        if "\t" not in line and not line.strip():
            continue
        fields = line.split("\t")
        first, columns = (first, columns) if first else (number, len(fields))
        if len(fields) != columns or columns not in _COLUMNS:
            raise InputError(_unlike(source, number, len(fields), first, columns))
        yield number, fields[-2], fields[-1]


def _unlike(source: Path, number: int, found: int, first: int, columns: int) -> str:
    where = f"{source} line {number} has {found} column{'s' * (found != 1)} between tabs"
    if columns in _COLUMNS:
        where += f", but line {first} has {columns} ({_COLUMNS[columns]})"
    return (
        f"{where}: write `labels TAB text` on every line, or `ID TAB labels TAB text` on every line, with blanks "
        "between labels and no tab within a text"
    )


LAYOUT = Layout("libmultilabel", read, (FILES,), shipped=SHIPPED)
