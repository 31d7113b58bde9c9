"""Linear classifiers, one a label: L2-regularised squared hinge, solved by liblinear."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy import sparse

from lightxml_core.training.log import Progress


@dataclass(frozen=True)
class LinearSettings:
    """cost: of errors against the size of the weights (C). threshold: smaller weights are dropped."""

    cost: float = 1.0
    threshold: float = 0.01
    seed: int = 0
    threads: int = 1


Group = tuple[np.ndarray, np.ndarray]


def fit_linear(
    X: sparse.csr_matrix, Y: sparse.csr_matrix, groups: Iterable[Group], settings: LinearSettings, title: str
) -> sparse.csc_matrix:
    """float32 CSC (D + 1) × L of weights; the last row holds the biases.

    X: CSR N × D. Y: CSR N × L. groups: (int64 rows, int64 labels), each label in one group at most: its classifier
    learns from these rows alone. A label without a positive row, or in no group, gets no weights and a bias of -1; one
    that all rows have a bias of 1.

    liblinear, through scikit-learn, because it solves the very problem of the published rankers, takes sparse rows and
    lets threads run side by side.
    """
    progress = Progress(title, Y.shape[1], unit="labels")
    columns: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0, np.int32), np.empty(0, np.float32))] * Y.shape[1]
    bias = np.full(Y.shape[1], -1.0, np.float32)
    with ThreadPoolExecutor(settings.threads) as pool:
        for rows, labels in groups:
            own, positives = X[rows], sparse.csc_matrix(Y[rows][:, labels])
            targets = (_target(positives, place) for place in range(len(labels)))
            for label, found in zip(labels, pool.map(lambda y: _fit_one(own, y, settings), targets), strict=True):  # noqa: B023
                columns[label], bias[label] = found[:2], found[2]
            progress.advance(len(labels), "")
    return _stacked(columns, bias, X.shape[1])


def scores_of(X: sparse.csr_matrix, weights: sparse.csc_matrix) -> np.ndarray:
    """float32[N, L]: X · W + bias. X: CSR N × D; weights: CSC (D + 1) × L."""
    return np.asarray((X @ weights[:-1]).toarray() + weights[-1].toarray(), dtype=np.float32)


def _target(positives: sparse.csc_matrix, place: int) -> np.ndarray:
    y = np.full(positives.shape[0], -1.0)
    y[positives.indices[positives.indptr[place] : positives.indptr[place + 1]]] = 1.0
    return y


def _fit_one(X: sparse.csr_matrix, y: np.ndarray, settings: LinearSettings) -> tuple[np.ndarray, np.ndarray, float]:
    """int32 features, their float32 weights, and the bias."""
    if len(y) == 0 or y.min() == y.max():
        return np.empty(0, np.int32), np.empty(0, np.float32), float(y[0]) if len(y) else -1.0
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    svm = LinearSVC(C=settings.cost, dual=True, random_state=settings.seed, tol=0.1, max_iter=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the published rankers stop as early
        svm.fit(X, y)
    weights = svm.coef_[0].astype(np.float32)
    kept = np.flatnonzero(np.abs(weights) >= settings.threshold)
    return kept.astype(np.int32), weights[kept], float(svm.intercept_[0])


def _stacked(columns: list[tuple[np.ndarray, np.ndarray]], bias: np.ndarray, width: int) -> sparse.csc_matrix:
    """Columns of weights, each with its bias under it, as one matrix."""
    last = np.array([width], np.int32)
    indices = list(chain.from_iterable((features, last) for features, _ in columns))
    values = list(chain.from_iterable((own, bias[i : i + 1]) for i, (_, own) in enumerate(columns)))
    indptr = np.concatenate([[0], np.cumsum([len(features) + 1 for features, _ in columns])])
    stacked = (np.concatenate(values), np.concatenate(indices), indptr)
    return sparse.csc_matrix(stacked, shape=(width + 1, len(columns)))
