"""Features of labels, from the documents that have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.arrays import new_array
from lightxml_core.features.counts import blocks

_MOST_VALUES = np.iinfo(np.int32).max


def normalise_rows(X: sparse.csr_matrix, folder: Path | None = None) -> sparse.csr_matrix:
    """A float32 copy of X with rows of length 1; rows of zeros stay zero.

    folder: a folder for unnamed temporary files that hold the copy; None to keep it in memory.
    """
    data, indices = new_array(X.nnz, np.float32, folder), new_array(X.nnz, X.indices.dtype, folder)
    for start, stop in blocks(X.indptr):
        rows, place = X[start:stop], slice(X.indptr[start], X.indptr[stop])
        data[place] = rows.data * np.repeat(_scale(rows), np.diff(rows.indptr))
        indices[place] = rows.indices
    return sparse.csr_matrix((data, indices, X.indptr.copy()), shape=X.shape)


def _scale(X: sparse.csr_matrix) -> np.ndarray:
    """float64[N]: 1 / length of each row, 0 for a row of zeros."""
    squares = np.asarray(X.multiply(X).sum(axis=1), dtype=np.float64).ravel()
    return np.divide(1.0, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)


def label_features(
    X_trn: sparse.csr_matrix, Y_trn: sparse.csr_matrix, folder: Path | None = None, scale: np.ndarray | None = None
) -> sparse.csr_matrix:
    """float32 CSR L × D: for each label the sum of its documents' l2-normalised features, l2-normalised again.

    The literature calls this positive instance feature aggregation (PIFA). X_trn: CSR N × D. Y_trn: CSR N × L. A label
    without documents gets a row of zeros. scale: float64[N], factors for the documents' features instead of 1 / their
    length. Columns are unique but unsorted within a row. folder: for unnamed temporary files that hold the values; None
    to keep them in memory. Above 2^31 values the columns are int32 and the row ends int64. Clustering accepts this,
    most of scipy does not.
    """
    from lightxml_core.features.kernels import columns_of_sums, unit_sums

    documents_of = sparse.csr_matrix(Y_trn.T)
    sets, width = (documents_of.indptr, documents_of.indices), X_trn.shape[1]
    counts = columns_of_sums(*sets, X_trn.indptr, X_trn.indices, width)
    starts = np.concatenate([[0], np.cumsum(counts)])
    columns, values = new_array(starts[-1], np.int32, folder), new_array(starts[-1], np.float32, folder)
    rows = X_trn.indptr, X_trn.indices, X_trn.data.astype(np.float32, copy=False)
    if scale is None:
        scale = np.concatenate([np.empty(0), *(_scale(X_trn[start:stop]) for start, stop in blocks(X_trn.indptr))])
    unit_sums(*sets, *rows, scale.astype(np.float32), starts, columns, values, width)
    return _assembled(values, columns, starts, (Y_trn.shape[1], width))


def _assembled(
    values: np.ndarray, columns: np.ndarray, starts: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_matrix:
    """A CSR matrix of these arrays, not copied: scipy would copy the columns if there are more than 2^31 values."""
    if starts[-1] <= _MOST_VALUES:
        return sparse.csr_matrix((values, columns, starts), shape=shape)
    matrix = sparse.csr_matrix(shape, dtype=np.float32)
    matrix.data, matrix.indices, matrix.indptr = values, columns, starts
    return matrix
