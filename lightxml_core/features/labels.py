"""Features of labels, from the documents that have them."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def normalise_rows(X: sparse.csr_matrix) -> sparse.csr_matrix:
    """A float32 copy of X with rows of length 1; rows of zeros stay zero."""
    data = (X.data * np.repeat(_scale(X), np.diff(X.indptr))).astype(np.float32)
    return sparse.csr_matrix((data, X.indices.copy(), X.indptr.copy()), shape=X.shape)


def _scale(X: sparse.csr_matrix) -> np.ndarray:
    """float64[N]: 1 / length of each row, 0 for a row of zeros."""
    squares = np.asarray(X.multiply(X).sum(axis=1), dtype=np.float64).ravel()
    return np.divide(1.0, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)


def label_features(X_trn: sparse.csr_matrix, Y_trn: sparse.csr_matrix) -> sparse.csr_matrix:
    """float32 CSR L x D: for each label the sum of its documents' l2-normalised features, l2-normalised again.

    X_trn: CSR N x D. Y_trn: CSR N x L. A label without documents gets a row of zeros.
    Columns are unique but in no order within a row. The literature calls this positive instance feature aggregation
    (PIFA).
    """
    from lightxml_core.features.kernels import columns_of_sums, unit_sums

    documents_of = sparse.csr_matrix(Y_trn.T)
    sets, width = (documents_of.indptr, documents_of.indices), X_trn.shape[1]
    counts = columns_of_sums(*sets, X_trn.indptr, X_trn.indices, width)
    starts = np.concatenate([[0], np.cumsum(counts)])
    columns, values = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    rows = X_trn.indptr, X_trn.indices, X_trn.data.astype(np.float32, copy=False)
    unit_sums(*sets, *rows, _scale(X_trn).astype(np.float32), starts, columns, values, width)
    return sparse.csr_matrix((values, columns, starts), shape=(Y_trn.shape[1], width))
