"""Texts beside a label matrix in `.npz`: the common part of the layouts of X-Transformer and PECOS."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.corpus.labels import binary, documents_without_labels
from lightxml_core.corpus.layouts.locate import locate
from lightxml_core.corpus.leniency import SHOWN, Leniency, refuse
from lightxml_core.corpus.lines import TextLines, read_label_list
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.errors import InputError
from lightxml_core.files import load_csr

logger = logging.getLogger(__name__)


def read_matrices(folder: Path, files: Mapping[str, str], rules: Leniency) -> Corpus:
    """Read the files with the roles `trn_texts`, `trn_Y`, `tst_texts`, `tst_Y` and `labels` (one per line, by column).

    In published files `labels` may be titles, for example of products, so some may be empty or equal. Such labels get
    the number of their line appended to stay distinct, and a warning is given.
    """
    found = locate(folder, files)
    lines = read_label_list(found["labels"])
    labels = _distinct(lines)
    _warn_of_doubtful(found["labels"], lines, labels)
    trn, tst = (
        _part(found[f"{part}_texts"], found[f"{part}_Y"], len(labels), found["labels"], rules)
        for part in ("trn", "tst")
    )
    return Corpus(trn, tst, labels, names=[line or label for line, label in zip(lines, labels, strict=True)])


def _distinct(lines: list[str]) -> list[str]:
    """The lines; empty and repeated ones with the number of the line appended."""
    counts = Counter(lines)
    numbered = enumerate(lines, 1)
    return [line if line and counts[line] == 1 else f"{line} (line {number})".strip() for number, line in numbered]


def _warn_of_doubtful(source: Path, lines: list[str], labels: list[str]) -> None:
    changed = [label for line, label in zip(lines, labels, strict=True) if line != label]
    if changed:
        logger.warning(
            "%s: lines that are empty or equal to others count as different labels (%d of them): %s",
            *(source, len(changed), ", ".join(map(repr, changed[:SHOWN])) + (", …" if len(changed) > SHOWN else "")),
        )


def _part(texts: Path, matrix: Path, labels: int, label_list: Path, rules: Leniency) -> Part:
    Y = _label_matrix(matrix)
    if Y.shape[1] != labels:
        raise InputError(
            f"{matrix} has {Y.shape[1]} columns, but {label_list} has {labels} lines: "
            "each label needs a column and a line; get both files from the same copy of the dataset"
        )
    if not rules.documents_without_labels:
        refuse(matrix, documents_without_labels(Y) + 1, "no label", "documents_without_labels", unit="row")
    return Part(TextLines(texts, Y.shape[0], matrix, rules.empty_texts), Y)


def _label_matrix(source: Path) -> csr_matrix:
    Y = load_csr(source)
    if Y.dtype.kind not in "buif":
        raise InputError(f"{source} has values of type {Y.dtype}: a label matrix has numbers")
    bad = np.flatnonzero(~np.isfinite(Y.data) | (Y.data < 0))
    if len(bad):
        row = np.searchsorted(Y.indptr, bad[0], side="right")
        raise InputError(
            f"{source} row {row}: {Y.data[bad[0]]} is not a valid label value, nor are {len(bad) - 1} others: "
            "a label matrix has 1 for each label of a document"
        )
    return binary(Y)
