"""Nearest neighbours: the training documents with the most similar TF-IDF features vote for their labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.evaluation.metrics import top_k as keep_best
from lightxml_core.features.labels import normalise_rows
from lightxml_core.files import load_csr, read_json, save_csr, write_json
from lightxml_core.methods import (
    BaseSettings,
    Contributions,
    Explain,
    FindNearest,
    Nearest,
    Predict,
    TestData,
    TrainingData,
)
from lightxml_core.values import Count

_SIMILARITIES_AT_ONCE = 10_000_000  # at most 120 MB as CSR, if every document shares a word with every other


@dataclass(frozen=True)
class Settings(BaseSettings):
    """Settings of the nearest neighbours."""

    neighbours: Count = 20
    """Training documents that vote for labels."""


def needs(settings: Settings) -> frozenset[str]:
    """TF-IDF features."""
    return frozenset({"tfidf"})


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Save the training documents' features, with length 1, and labels, which are the model."""
    assert data.X is not None
    save_csr(out / "X.npz", normalise_rows(data.X))
    save_csr(out / "Y.npz", data.Y)
    write_json(out / "settings.json", {"neighbours": settings.neighbours})


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L: for each label the sum of cosine similarities of the nearest neighbours that have it.

    Neighbours with equal similarity are ordered as the training documents. Documents without a common feature are not
    neighbours, so a document without features gets an empty row.
    """
    return load(model)(data, top_k)


def load(model: Path) -> Predict:
    """The same, with the training documents in memory."""
    neighbours: int = read_json(model / "settings.json")["neighbours"]
    documents = sparse.csr_matrix(load_csr(model / "X.npz").T)
    return partial(_votes, documents, load_csr(model / "Y.npz"), neighbours)


def explain(model: Path) -> Explain:
    """What each term adds to the similarities of the neighbours that have a label. They add up to its score."""
    neighbours: int = read_json(model / "settings.json")["neighbours"]
    X_trn, Y_trn = load_csr(model / "X.npz"), load_csr(model / "Y.npz")

    def of(data: TestData, labels: np.ndarray) -> Contributions:
        assert data.X is not None
        found, X = nearest_of(X_trn, Y_trn, neighbours, data), normalise_rows(data.X)
        return Contributions(sparse.csr_matrix((found.Y[:, labels].T @ X_trn[found.rows]).multiply(X)))

    return of


def nearest(model: Path) -> FindNearest:
    """A function that finds the neighbours which vote for the labels of a document."""
    neighbours: int = read_json(model / "settings.json")["neighbours"]
    return partial(nearest_of, load_csr(model / "X.npz"), load_csr(model / "Y.npz"), neighbours)


def nearest_of(X_trn: sparse.csr_matrix, Y_trn: sparse.csr_matrix, count: int, data: TestData) -> Nearest:
    """The `count` training documents nearest to one document by cosine. Those without a common feature are left out.

    X_trn: float32 CSR N × D, rows of length 1. Y_trn: CSR N × L. data: one document, with its features.
    """
    assert data.X is not None
    similar = keep_best(sparse.csr_matrix(normalise_rows(data.X) @ X_trn.T), count)
    order = np.argsort(-similar.data, kind="stable")
    rows = similar.indices[order].astype(np.int64)
    return Nearest(rows, similar.data[order], Y_trn[rows])


def _votes(
    documents: sparse.csr_matrix, Y_trn: sparse.csr_matrix, neighbours: int, data: TestData, top_k: int
) -> sparse.csr_matrix:
    assert data.X is not None
    X_tst = normalise_rows(data.X)
    step = max(1, _SIMILARITIES_AT_ONCE // Y_trn.shape[0])
    blocks = [sparse.csr_matrix((0, Y_trn.shape[1]), dtype=Y_trn.dtype)]
    for start in range(0, X_tst.shape[0], step):
        nearest = keep_best(X_tst[start : start + step] @ documents, neighbours)
        blocks.append(keep_best(nearest @ Y_trn, top_k))
    return sparse.csr_matrix(sparse.vstack(blocks, format="csr"))
