"""Linear rankers of labels on [TF-IDF ; vector], and the combination of their scores with the matcher's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse
from scipy.special import expit, logit

from lightxml_core.evaluation.metrics import top_k as keep_best
from lightxml_core.features.labels import normalise_rows
from lightxml_core.methods.xtransformer.settings import Combine, Settings
from lightxml_core.training.checkpoint import Checkpoint
from lightxml_core.training.devices import threads
from lightxml_core.training.linear import Group, LinearSettings, fit_linear, learnt, scores_of
from lightxml_core.training.log import TrainingLog

_CANDIDATES_AT_ONCE = 1 << 24  # labels to score, over the documents of a block


def ranker_features(X: sparse.csr_matrix, vectors: np.ndarray) -> sparse.csr_matrix:
    """float32 CSR N × (D + width): [X ; vectors] with both parts scaled to equal norm and rows of norm 1.

    X: CSR N × D; vectors: float32[N, width].
    """
    parts = [normalise_rows(X), normalise_rows(sparse.csr_matrix(vectors))]
    return normalise_rows(sparse.csr_matrix(sparse.hstack(parts, format="csr")))


def fit_rankers(
    X: sparse.csr_matrix,
    Y: sparse.csr_matrix,
    clusters: sparse.csr_matrix,
    proposed: sparse.csr_matrix,
    settings: Settings,
    checkpoint: Checkpoint,
    training_log: TrainingLog,
) -> sparse.csc_matrix:
    """float32 CSC (D + 1) × L of weights and biases.

    X: CSR N × D of `ranker_features`. Y: CSR N × L. clusters: CSR L × C. proposed: CSR N × C, the matcher's.
    """
    how = LinearSettings(
        settings.rankers.cost,
        settings.rankers.weight_threshold,
        settings.seed,
        threads(),
        settings.checkpoint_minutes,
    )
    return fit_linear(X, Y, training_groups(Y, clusters, proposed, settings), how, "rankers", checkpoint, training_log)


def training_groups(
    Y: sparse.csr_matrix, clusters: sparse.csr_matrix, proposed: sparse.csr_matrix, settings: Settings
) -> Iterator[Group]:
    """For each cluster the documents, int64, on which the rankers of its labels, int64, are trained.

    These are the documents with a label of the cluster (teacher forcing) and those for which the matcher proposes it
    (matcher-aware negatives, section 3.3). Without teacher forcing, a label's own documents are still included.
    """
    own = sparse.csc_matrix(Y @ clusters)
    seen = (
        own if settings.rankers.ranker_negatives == "teacher" else sparse.csc_matrix(own + sparse.csc_matrix(proposed))
    )
    if settings.rankers.ranker_negatives == "matcher":
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
    combine: Combine = "product",
) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top_k` best labels with a ranker in the proposed clusters.

    Score: exp(-max(0, 1 - s)³) for the ranker's margin s, times the same for the matcher's margin; or, for `ranker`,
    σ(s) of the ranker alone. proposed: CSR N × C of the matcher's probabilities σ(s). Documents are processed in blocks
    to save memory.
    """
    most = np.diff(proposed.indptr).max(initial=1) * np.bincount(clusters.indices).max(initial=1)
    step = max(1, int(_CANDIDATES_AT_ONCE // most))
    members = sparse.csc_matrix(clusters)
    blocks = [sparse.csr_matrix((0, clusters.shape[0]), dtype=np.float32)]
    for start in range(0, X.shape[0], step):
        some = slice(start, start + step)
        blocks.append(keep_best(_candidates(X[some], weights, members, proposed[some], combine), top_k))
    return sparse.csr_matrix(sparse.vstack(blocks, format="csr"))


def _candidates(
    X: sparse.csr_matrix,
    weights: sparse.csc_matrix,
    members: sparse.csc_matrix,
    proposed: sparse.csr_matrix,
    combine: Combine,
) -> sparse.csr_matrix:
    """float32 CSR N × L: every label of the proposed clusters that has a ranker, with its score."""
    by_cluster, has_ranker = sparse.csc_matrix(proposed), learnt(weights)
    rows, labels, scores = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    for cluster in np.flatnonzero(np.diff(by_cluster.indptr)).tolist():
        documents, own = _column(by_cluster, cluster), _column(members, cluster)
        own = own[has_ranker[own]]
        if len(own):
            margins = scores_of(X[documents], weights[:, own]).astype(np.float64)
            given = np.asarray(proposed[documents, cluster].todense(), dtype=np.float64)
            together = expit(margins) if combine == "ranker" else confidence(margins) * confidence(logit(given))
            rows.append(np.repeat(documents, len(own)))
            labels.append(np.tile(own, len(documents)))
            scores.append(together.ravel())
    found = (np.concatenate(scores).astype(np.float32), (np.concatenate(rows), np.concatenate(labels)))
    return sparse.csr_matrix(found, shape=(X.shape[0], members.shape[0]))


def confidence(margins: np.ndarray) -> np.ndarray:
    """exp(-max(0, 1 - s)³), which is 1 for margins s of at least 1; kept above 0, because 0 means no prediction."""
    return np.exp(-(np.minimum(np.maximum(0.0, 1.0 - margins), 3.5) ** 3))
