"""Label strings and label matrices."""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterable, Iterator

import numpy as np
from scipy.sparse import csr_matrix


def label_matrices(
    trn: Iterable[Iterable[str]], tst: Iterable[Iterable[str]], known: Iterable[str] = ()
) -> tuple[csr_matrix, csr_matrix, list[str]]:
    """Y_trn and Y_tst (N × L, float32 ones) and the sorted L labels of both parts, from the labels of each document.

    A label repeated within a document counts once. The labels in `known` are included even if no document has them.
    """
    numbers = {label: number for number, label in enumerate(dict.fromkeys(known))}
    parts = [_number(trn, numbers), _number(tst, numbers)]
    labels = sorted(numbers)
    column = np.empty(len(labels), dtype=np.int32)
    column[[numbers[label] for label in labels]] = np.arange(len(labels))
    Y_trn, Y_tst = (ones_matrix(column[flat], offsets, len(labels)) for flat, offsets in parts)
    return Y_trn, Y_tst, labels


def _number(documents: Iterable[Iterable[str]], numbers: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Number the labels in order of appearance, continuing `numbers`; flat int32 label numbers and int64 offsets."""
    flat, offsets = array("i"), array("q", [0])
    for document in documents:
        flat.extend([numbers.setdefault(label, len(numbers)) for label in document])
        offsets.append(len(flat))
    return np.array(flat, dtype=np.int32), np.array(offsets, dtype=np.int64)


def ones_matrix(flat: np.ndarray, offsets: np.ndarray, columns: int) -> csr_matrix:
    """N x `columns` float32: row i has ones at the columns `flat[offsets[i]:offsets[i + 1]]`, repeats ignored."""
    return binary(csr_matrix((np.ones(len(flat), np.float32), flat, offsets), shape=(len(offsets) - 1, columns)))


def binary(matrix: csr_matrix) -> csr_matrix:
    """The pattern of a non-negative CSR matrix: float32 ones, sorted indices, no stored zeros and no repeats."""
    matrix = matrix.astype(np.float32)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.data[:] = 1
    return matrix


def documents_without_labels(Y: csr_matrix) -> np.ndarray:
    """int64 row numbers, from 0, of the documents that have no label."""
    return np.flatnonzero(np.diff(Y.indptr) == 0)


def label_frequencies(Y: csr_matrix) -> np.ndarray:
    """L int64: how many documents have each label."""
    return np.bincount(Y.indices, minlength=Y.shape[1])


_UNSEEN = dict.fromkeys(
    [
        *(*range(0x20), 0x7F, *range(0x80, 0xA0)),  # control characters
        *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x2800, 0x3164, 0xFEFF, 0xFFA0),
        *(*range(0x180B, 0x180E), *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)),
        *(*range(0xFE00, 0xFE10), *range(0xE0000, 0xE01F0)),  # variation selectors, tags
    ]
)


def lookalikes(labels: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of labels that look alike: the later label, then the earlier one.

    They differ only in invisible characters, or in how Unicode encodes the same character (NFKC).
    """
    first: dict[str, str] = {}
    for label in labels:
        shown = label if label.isascii() else unicodedata.normalize("NFKC", label)
        other = first.setdefault(shown.translate(_UNSEEN), label)
        if other != label:
            yield other, label
