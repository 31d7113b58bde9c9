"""The layout of the Extreme Classification Repository: bags of words and numbered labels, no texts.

The first line is `N D L`, each other line `label,label feature:value feature:value …`; all numbers count from 0.
"""

from __future__ import annotations

import math
from array import array
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.corpus.labels import documents_without_labels, ones_matrix
from lightxml_core.corpus.layouts.layout import Layout
from lightxml_core.corpus.layouts.locate import locate
from lightxml_core.corpus.leniency import Leniency, refuse
from lightxml_core.corpus.lines import read_lines
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.errors import InputError

VARIANTS = ({"trn": "train.txt", "tst": "test.txt"}, {"trn": "eurlex_train.txt", "tst": "eurlex_test.txt"})
FIRST_DOCUMENT = 2  # line number, after the header
_LARGEST = float(np.finfo(np.float32).max)
_ALWAYS = 10**7  # documents, features or labels that even a small file may state


def read(folder: Path, rules: Leniency) -> Corpus:
    """Read `train.txt` and `test.txt`, or `eurlex_train.txt` and `eurlex_test.txt`.

    A label is its number; a document without features counts as an empty text.
    """
    found = locate(folder, *VARIANTS)
    trn, tst = (_part(found[part], rules) for part in ("trn", "tst"))
    assert trn.X is not None and tst.X is not None
    for what, ours, theirs in (("features", trn.X, tst.X), ("labels", trn.Y, tst.Y)):
        if ours.shape[1] != theirs.shape[1]:
            raise InputError(
                f"{found['trn']} line 1 states {ours.shape[1]} {what}, {found['tst']} {theirs.shape[1]}: "
                "take both files from the same copy of the dataset"
            )
    return Corpus(trn, tst, labels=[str(number) for number in range(trn.Y.shape[1])])


def _part(source: Path, rules: Leniency) -> Part:
    X, Y = _read_matrices(source)
    if not rules.documents_without_labels:
        refuse(source, documents_without_labels(Y) + FIRST_DOCUMENT, "no label", "documents_without_labels")
    if not rules.empty_texts:
        refuse(source, np.flatnonzero(np.diff(X.indptr) == 0) + FIRST_DOCUMENT, "no feature", "empty_texts")
    return Part(None, Y, X)


def _read_matrices(source: Path) -> tuple[csr_matrix, csr_matrix]:
    """X (N × D float32, sorted) and Y (N × L float32 ones)."""
    lines = read_lines(source)
    documents, D, L = _header(source, next(lines, ""))
    labels, features, values = array("i"), array("i"), array("f")
    label_ends, feature_ends = array("q", [0]), array("q", [0])
    for number, line in enumerate(lines, FIRST_DOCUMENT):
        try:
            _append(line, D, L, labels, features, values)
        except ValueError as error:
            raise InputError(f"{source} line {number}: {error}") from None
        label_ends.append(len(labels))
        feature_ends.append(len(features))
    if len(label_ends) - 1 != documents:
        raise InputError(
            f"{source} line 1 states {documents} documents, but {len(label_ends) - 1} follow: get a complete copy"
        )
    X = csr_matrix((np.array(values), np.array(features), np.array(feature_ends)), shape=(documents, D))
    X.sum_duplicates()
    if not np.isfinite(X.data).all():
        raise InputError(f"{source}: the values of a repeated feature of a line do not add up to a finite number")
    return X, ones_matrix(np.array(labels), np.array(label_ends), L)


def _header(source: Path, line: str) -> tuple[int, int, int]:
    fields = line.split()
    if len(fields) != 3 or not all(map(_is_number, fields)):
        raise InputError(f"{source} line 1 is {line[:40]!r}: it must be the numbers of documents, features and labels")
    documents, D, L = map(int, fields)
    most = max(_ALWAYS, source.stat().st_size)  # memory is allocated for stated numbers; each occurrence takes a byte
    if max(documents, D, L) > most:
        raise InputError(f"{source} line 1 states the number {max(documents, D, L)}, too large for so small a file")
    return documents, D, L


def _is_number(field: str) -> bool:
    """Whether it has 1 to 18 ASCII digits and nothing else; `int` also accepts `1_0` and digits of other scripts."""
    return field.isascii() and field.isdigit() and len(field) <= 18


def _append(line: str, D: int, L: int, labels: array[int], features: array[int], values: array[float]) -> None:
    """Add one document to the flat arrays; ValueError with the reason if the line is malformed."""
    head, _, rest = line.partition(" ")
    if ":" in head:  # a document without labels whose leading space was lost
        head, rest = "", line
    labels.extend([_index(field, L, "label") for field in head.split(",")] if head.strip() else [])
    for pair in rest.split():
        feature, _, value = pair.partition(":")
        features.append(_index(feature, D, "feature"))
        values.append(_value(value, pair))


def _index(field: str, size: int, what: str) -> int:
    if not _is_number(field.strip()):
        raise ValueError(f"{field!r} is not a {what} number")
    index = int(field)
    if index >= size:
        raise ValueError(f"{what} {index} is out of range: line 1 states {size}, counted from 0")
    return index


def _value(field: str, pair: str) -> float:
    try:
        value = float(field) if field.isascii() and "_" not in field else math.nan
    except ValueError:
        value = math.nan
    if not abs(value) <= _LARGEST:
        raise ValueError(f"{pair!r} is not feature:value with a finite value of 32 bits")
    return value


LAYOUT = Layout("xmc-bow", read, VARIANTS, wordless=True)
