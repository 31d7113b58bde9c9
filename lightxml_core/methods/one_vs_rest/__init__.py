"""One linear classifier per label on TF-IDF, trained on every document (as DiSMEC, Babbar and Schölkopf, WSDM 2017)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.evaluation.metrics import top_k as keep_best
from lightxml_core.features.labels import normalise_rows
from lightxml_core.files import load_csr, new_folder, save_csr
from lightxml_core.methods import BaseSettings, Contributions, Explain, Predict, TestData, TrainingData
from lightxml_core.training.devices import threads
from lightxml_core.values import NonNegative, Positive, Share

_SCORES_AT_ONCE = 1 << 24


@dataclass(frozen=True)
class Settings(BaseSettings):
    """Settings of the linear classifiers."""

    cost: Positive = 1.0
    """Weight of the loss relative to the norm of the weights (C)."""

    threshold: Share = 0.01
    """Weights of smaller magnitude are set to 0."""

    checkpoint_minutes: NonNegative = 10.0
    """Minutes between two checkpoints."""


def needs(settings: Settings) -> frozenset[str]:
    """TF-IDF features."""
    return frozenset({"tfidf"})


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train on all documents, without model selection."""
    from lightxml_core.training import linear
    from lightxml_core.training.checkpoint import Checkpoint, fingerprint
    from lightxml_core.training.log import TrainingLog

    assert data.X is not None
    X, Y = normalise_rows(data.X), sparse.csr_matrix(data.Y)
    everything = (np.arange(Y.shape[0]), np.arange(Y.shape[1]))
    how = linear.LinearSettings(
        settings.cost, settings.threshold, settings.seed, threads(), settings.checkpoint_minutes
    )
    arrays = [X.indptr, X.indices, X.data, Y.indptr, Y.indices]
    identity = fingerprint(replace(settings, checkpoint_minutes=0.0), arrays, [Path(__file__), Path(linear.__file__)])
    checkpoint = Checkpoint(out.parent / "checkpoint", identity, resume)
    training_log = TrainingLog(out.parent / "checkpoint" / "training.jsonl", None)
    weights = linear.fit_linear(X, Y, [everything], how, "one-vs-rest", checkpoint, training_log)
    training_log.close()
    with new_folder(out) as building:
        save_csr(building / "weights.npz", sparse.csr_matrix(weights))


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L of the `top_k` best labels, each with the logistic function of its margin as score."""
    return load(model)(data, top_k)


def load(model: Path) -> Predict:
    """The same, with the weights in memory."""
    stored = load_csr(model / "weights.npz")
    has_classifier = np.bincount(stored.indices, minlength=stored.shape[1]) > 0  # its bias is stored even if it is 0
    return partial(_best, _Classifiers(sparse.csr_matrix(stored[:-1]), stored[-1].toarray(), has_classifier))


def explain(model: Path) -> Explain:
    """Weight times value of each term; with the bias they add up to the margin, the score's log-odds."""
    from lightxml_core.training.linear import contributions

    weights = sparse.csc_matrix(load_csr(model / "weights.npz"))

    def of(data: TestData, labels: np.ndarray) -> Contributions:
        assert data.X is not None
        return Contributions(contributions(normalise_rows(data.X), weights, labels))

    return of


@dataclass(frozen=True)
class _Classifiers:
    """weights: CSR D × L; in this format the product with one text is fast. bias: float[1, L].

    learnt: bool[L], which labels have a classifier.
    """

    weights: sparse.csr_matrix
    bias: np.ndarray
    learnt: np.ndarray


def _best(classifiers: _Classifiers, data: TestData, top_k: int) -> sparse.csr_matrix:
    assert data.X is not None
    X, labels = normalise_rows(data.X), len(classifiers.learnt)
    step = max(1, _SCORES_AT_ONCE // labels)
    blocks = [sparse.csr_matrix((0, labels), dtype=np.float32)]
    for start in range(0, X.shape[0], step):
        margins = np.asarray((X[start : start + step] @ classifiers.weights).toarray() + classifiers.bias, np.float32)
        scores = classifiers.learnt / (1.0 + np.exp(-margins))
        blocks.append(keep_best(sparse.csr_matrix(scores, dtype=np.float32), top_k))
    return sparse.csr_matrix(sparse.vstack(blocks, format="csr"))
