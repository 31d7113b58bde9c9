"""Features of labels, from the documents that have them."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def normalise_rows(X: sparse.csr_matrix) -> sparse.csr_matrix:
    """A float32 copy of X with rows of length 1; rows of zeros stay zero."""
    squares = np.asarray(X.multiply(X).sum(axis=1), dtype=np.float64).ravel()
    scale = np.divide(1.0, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
    data = (X.data * np.repeat(scale, np.diff(X.indptr))).astype(np.float32)
    return sparse.csr_matrix((data, X.indices.copy(), X.indptr.copy()), shape=X.shape)


def label_features(X_trn: sparse.csr_matrix, Y_trn: sparse.csr_matrix) -> sparse.csr_matrix:
    """float32 CSR L x D: for each label the sum of its documents' l2-normalised features, l2-normalised again.

    X_trn: CSR N x D. Y_trn: CSR N x L. A label without documents gets a row of zeros.
    The literature calls it positive instance feature aggregation (PIFA).
    """
    sums = sparse.csr_matrix(Y_trn.T.astype(np.float32) @ normalise_rows(X_trn))
    sums.sort_indices()
    return normalise_rows(sums)
