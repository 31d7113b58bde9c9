"""Term counts of documents, kept on disk if a folder is given, because they may not fit into memory."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.arrays import growing_array, new_array

Analyzer = Callable[[str], Iterable[str]]
_BLOCK = 1 << 22  # stored values that are processed at a time


@dataclass(frozen=True)
class Counts:
    """The terms of N documents, concatenated.

    terms: int32[M], term numbers. times: int32[M], how often each occurs. offsets: int64[N + 1].
    """

    terms: np.ndarray
    times: np.ndarray
    offsets: np.ndarray

    def in_blocks(self) -> Iterator[np.ndarray]:
        """The term numbers, some millions at a time."""
        return (self.terms[self.offsets[start] : self.offsets[stop]] for start, stop in blocks(self.offsets))

    def rows(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """indptr, terms in ascending order within each row, and float32 counts of the rows from `start` to `stop`."""
        first, last = self.offsets[start], self.offsets[stop]
        terms, times = self.terms[first:last].copy(), self.times[first:last].astype(np.float32)
        indptr, shape = self.offsets[start : stop + 1] - first, (stop - start, np.iinfo(np.int32).max)
        block = sparse.csr_matrix((times, terms, indptr), shape=shape)
        block.sort_indices()
        return block.indptr, block.indices, block.data


def number_terms(texts: Iterable[str], analyze: Analyzer, folder: Path | None) -> tuple[Counts, dict[str, int]]:
    """The counts of all terms, and term → number: 0, 1, … by first occurrence. folder: for temporary files."""
    number: defaultdict[str, int] = defaultdict()
    number.default_factory = number.__len__
    counts = _written((Counter(analyze(text)) for text in texts), number, folder)
    number.default_factory = None
    return counts, number


def count_known(texts: Iterable[str], analyze: Analyzer, number: dict[str, int], folder: Path | None) -> Counts:
    """The counts of the terms that have a number; others are left out."""
    known = ({term: times for term, times in Counter(analyze(text)).items() if term in number} for text in texts)
    return _written(known, number, folder)


def _written(documents: Iterable[dict[str, int]], number: dict[str, int], folder: Path | None) -> Counts:
    offsets = array("q", [0])
    with growing_array("i", folder) as terms, growing_array("i", folder) as times:
        for found in documents:
            terms.extend(map(number.__getitem__, found))
            times.extend(found.values())
            offsets.append(len(terms))
        return Counts(terms.whole(), times.whole(), np.array(offsets, np.int64))


def blocks(offsets: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of rows with some millions of stored values together, or of one row with more."""
    start, rows = 0, len(offsets) - 1
    while start < rows:
        fitting = int(np.searchsorted(offsets, offsets[start] + _BLOCK, side="right")) - 1
        stop = max(start + 1, fitting)
        yield start, stop
        start = stop


def document_frequencies(counts: Counts, terms: int) -> np.ndarray:
    """int64[terms]: the number of documents in which each term occurs."""
    found = np.zeros(terms, np.int64)
    for block in counts.in_blocks():
        found += np.bincount(block, minlength=terms)
    return found


def term_frequencies(counts: Counts, columns: np.ndarray, width: int) -> np.ndarray:
    """float32[width]: the total count of each column's terms, summed document by document as in scikit-learn.

    columns: int[terms], -1 for a term without a column.
    """
    found = np.zeros(width, np.float32)
    for start, stop in blocks(counts.offsets):
        _, terms, times = counts.rows(start, stop)
        of = columns[terms]
        np.add.at(found, of[of >= 0], times[of >= 0])
    return found


def matrix_of(
    counts: Counts,
    columns: np.ndarray,
    width: int,
    weigh: Callable[[sparse.csr_matrix], object] | None,
    folder: Path | None,
) -> sparse.csr_matrix:
    """float32 CSR N x width of the counts; its arrays are in unnamed temporary files in `folder`, or in memory if None.

    columns: int32[terms], the column of each term, -1 for one that is left out. weigh: changes the values of some rows
    in place, if given. They are in the order of the terms' numbers, because scikit-learn adds their squares in this
    order.
    """
    size = sum(int(np.count_nonzero(columns[terms] >= 0)) for terms in counts.in_blocks())
    indices, data = new_array(size, np.int32, folder), new_array(size, np.float32, folder)
    indptr = [np.zeros(1, np.int64)]
    for start, stop in blocks(counts.offsets):
        block = _chosen(*counts.rows(start, stop), columns, width)
        if weigh is not None:
            weigh(block)
        block.sort_indices()
        first = indptr[-1][-1]
        indices[first : first + block.nnz], data[first : first + block.nnz] = block.indices, block.data
        indptr.append(first + block.indptr[1:].astype(np.int64))
    return sparse.csr_matrix((data, indices, np.concatenate(indptr)), shape=(len(counts.offsets) - 1, width))


def _chosen(
    indptr: np.ndarray, terms: np.ndarray, times: np.ndarray, columns: np.ndarray, width: int
) -> sparse.csr_matrix:
    of = columns[terms]
    kept = of >= 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return sparse.csr_matrix((times[kept], of[kept], before[indptr]), shape=(len(indptr) - 1, width))
