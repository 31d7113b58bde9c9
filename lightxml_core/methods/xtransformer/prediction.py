"""Predict: the matcher proposes clusters, the rankers rank their labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.files import load_csr, read_json
from lightxml_core.methods import Contributions, Explain, Predict, TestData, of_stored
from lightxml_core.methods.transformer.settings import FORMER
from lightxml_core.methods.xtransformer.matcher import folder_of_matcher, load_matcher, proposals, vectors
from lightxml_core.methods.xtransformer.ranker import ranked, ranker_features
from lightxml_core.methods.xtransformer.settings import Settings
from lightxml_core.training.linear import contributions


def predict(folder: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top_k` best labels of each document with their scores in (0, 1]."""
    return load(folder)(data, top_k)


def load(folder: Path) -> Predict:
    """The same, with the model in memory."""
    settings = of_stored(Settings(), read_json(folder / "settings.json"), FORMER)
    model, how = load_matcher(folder_of_matcher(folder))
    weights, clusters = sparse.csc_matrix(load_csr(folder / "rankers.npz")), load_csr(folder / "clusters.npz")

    def best(data: TestData, top_k: int) -> sparse.csr_matrix:
        assert data.X is not None and data.tokens is not None
        found = vectors(model, data.tokens, how.speed.precision)
        proposed, X = proposals(model, found, settings), ranker_features(data.X, found)
        return ranked(X, weights, clusters, proposed, min(top_k, settings.rankers.listed), settings.rankers.combine)

    return best


def explain(folder: Path) -> Explain:
    """Weight times value of each term in a label's ranker. What the document's vector adds belongs to no term."""
    settings = of_stored(Settings(), read_json(folder / "settings.json"), FORMER)
    model, _ = load_matcher(folder_of_matcher(folder))
    weights = sparse.csc_matrix(load_csr(folder / "rankers.npz"))

    def of(data: TestData, labels: np.ndarray) -> Contributions:
        assert data.X is not None and data.tokens is not None
        X = ranker_features(data.X, vectors(model, data.tokens, settings.speed.precision))
        return Contributions(contributions(X, weights, labels)[:, : data.X.shape[1]])

    return of
