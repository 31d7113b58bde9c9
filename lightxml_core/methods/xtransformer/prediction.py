"""Predict: the matcher proposes clusters, the rankers rank their labels."""

from __future__ import annotations

from pathlib import Path

from scipy import sparse

from lightxml_core.files import load_csr, read_json
from lightxml_core.methods import TestData, of_stored
from lightxml_core.methods.transformer.settings import FORMER
from lightxml_core.methods.xtransformer.matcher import folder_of_matcher, load_matcher, proposals, vectors
from lightxml_core.methods.xtransformer.ranker import ranked, ranker_features
from lightxml_core.methods.xtransformer.settings import Settings


def predict(folder: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top_k` best labels of each document with their scores in (0, 1]."""
    assert data.X is not None and data.tokens is not None
    settings = of_stored(Settings(), read_json(folder / "settings.json"), FORMER)
    model, how = load_matcher(folder_of_matcher(folder))
    found = vectors(model, data.tokens, how.speed.precision)
    proposed, X = proposals(model, found, settings), ranker_features(data.X, found)
    weights, clusters = sparse.csc_matrix(load_csr(folder / "rankers.npz")), load_csr(folder / "clusters.npz")
    return ranked(X, weights, clusters, proposed, min(top_k, settings.rankers.listed), settings.rankers.combine)
