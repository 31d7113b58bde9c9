"""Prediction: the matcher proposes clusters, the rankers order their labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.files import load_csr, read_json
from lightxml_core.methods import TestData
from lightxml_core.methods.lightxml.prediction import load_model, predict_rows
from lightxml_core.methods.xtransformer.matcher import folder_of_matcher, vectors
from lightxml_core.methods.xtransformer.ranker import ranked, ranker_features
from lightxml_core.methods.xtransformer.settings import Settings


def predict(folder: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top_k` best labels of each document with their scores in (0, 1]."""
    assert data.X is not None and data.tokens is not None
    settings = Settings(**read_json(folder / "settings.json"))
    model, how = load_model(folder_of_matcher(folder))
    rows = np.arange(len(data.tokens))
    proposed = predict_rows(model, data.tokens, rows, settings.clusters_kept, how)
    X = ranker_features(data.X, vectors(model, data.tokens, how))
    weights = sparse.csc_matrix(load_csr(folder / "rankers.npz"))
    return ranked(X, weights, load_csr(folder / "clusters.npz"), proposed, top_k)
