"""Linear rankers of labels on [TF-IDF ; vector], and how their scores meet the matcher's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse
from scipy.special import logit

from lightxml_core.evaluation.metrics import top_k as keep_best
from lightxml_core.features.labels import normalise_rows
from lightxml_core.methods.xtransformer.settings import Settings
from lightxml_core.training.devices import threads
from lightxml_core.training.linear import Group, LinearSettings, fit_linear, scores_of


def ranker_features(X: sparse.csr_matrix, vectors: np.ndarray) -> sparse.csr_matrix:
    """float32 CSR N × (D + width): both parts with rows of length 1. X: CSR N × D; vectors: float32[N, width]."""
    parts = [normalise_rows(X), normalise_rows(sparse.csr_matrix(vectors))]
    return sparse.csr_matrix(sparse.hstack(parts, format="csr"))


def fit_rankers(
    X: sparse.csr_matrix,
    Y: sparse.csr_matrix,
    clusters: sparse.csr_matrix,
    proposed: sparse.csr_matrix,
    settings: Settings,
) -> sparse.csc_matrix:
    """float32 CSC (D + 1) × L of weights and biases.

    X: CSR N × D of `ranker_features`. Y: CSR N × L. clusters: CSR L × C. proposed: CSR N × C, the matcher's.
    """
    how = LinearSettings(settings.cost, settings.weight_threshold, settings.seed, threads())
    return fit_linear(X, Y, seen_by(Y, clusters, proposed, settings), how, "rankers")


def seen_by(
    Y: sparse.csr_matrix, clusters: sparse.csr_matrix, proposed: sparse.csr_matrix, settings: Settings
) -> Iterator[Group]:
    """For each cluster the documents that its labels' rankers learn from, int64, and the labels, int64.

    Those with a label of the cluster (teacher forcing) and those for which the matcher proposes it (matcher-aware
    negatives, section 3.3). Without teacher forcing a label's own documents stay.
    """
    own = sparse.csc_matrix(Y @ clusters)
    seen = own if settings.ranker_negatives == "teacher" else sparse.csc_matrix(own + sparse.csc_matrix(proposed))
    if settings.ranker_negatives == "matcher":
        yield from _without_teacher(Y, clusters, sparse.csc_matrix(proposed))
        return
    members = sparse.csc_matrix(clusters)
    for cluster in range(clusters.shape[1]):
        yield _column(seen, cluster), _column(members, cluster)


def _without_teacher(Y: sparse.csr_matrix, clusters: sparse.csr_matrix, proposed: sparse.csc_matrix) -> Iterator[Group]:
    documents_of = sparse.csc_matrix(Y)
    for label, cluster in enumerate(clusters.indices):
        yield np.union1d(_column(proposed, cluster), _column(documents_of, label)), np.array([label])


def _column(matrix: sparse.csc_matrix, number: int) -> np.ndarray:
    return np.sort(matrix.indices[matrix.indptr[number] : matrix.indptr[number + 1]]).astype(np.int64)


def ranked(
    X: sparse.csr_matrix,
    weights: sparse.csc_matrix,
    clusters: sparse.csr_matrix,
    proposed: sparse.csr_matrix,
    top_k: int,
) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top_k` best labels of the proposed clusters.

    Score: exp(-max(0, 1 - s)³) of the ranker's margin s, times the same of the matcher's. proposed: CSR N × C of the
    matcher's probabilities σ(s).
    """
    members, by_cluster = sparse.csc_matrix(clusters), sparse.csc_matrix(proposed)
    rows, labels, scores = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    for cluster in range(clusters.shape[1]):
        documents, own = _column(by_cluster, cluster), _column(members, cluster)
        if len(documents) and len(own):
            given = np.asarray(proposed[documents, cluster].todense(), dtype=np.float64)
            together = confidence(scores_of(X[documents], weights[:, own])) * confidence(logit(given))
            rows.append(np.repeat(documents, len(own)))
            labels.append(np.tile(own, len(documents)))
            scores.append(together.ravel())
    found = (np.concatenate(scores).astype(np.float32), (np.concatenate(rows), np.concatenate(labels)))
    return keep_best(sparse.csr_matrix(found, shape=(X.shape[0], clusters.shape[0])), top_k)


def confidence(margins: np.ndarray) -> np.ndarray:
    """exp(-max(0, 1 - s)³), which is 1 from a margin of 1 on; never quite 0, since a stored score is a prediction."""
    return np.exp(-(np.minimum(np.maximum(0.0, 1.0 - margins), 3.5) ** 3))
