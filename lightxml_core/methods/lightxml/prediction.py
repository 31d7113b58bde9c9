"""Prediction with a trained member."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.methods import TestData
from lightxml_core.methods.lightxml.model import stored
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.methods.transformer.prediction import load_classifier, predict_rows
from lightxml_core.training.log import Progress


def load_model(folder: Path) -> tuple[TextClassifier, Settings]:
    """A trained member from its folder, see `load_classifier`."""
    return load_classifier(folder, stored)


def predict(folder: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N_tst × L: the `top_k` best labels of each document with their scores in (0, 1)."""
    assert data.tokens is not None
    model, settings = load_model(folder)
    rows = np.arange(len(data.tokens))
    progress = Progress("prediction", len(rows))
    return predict_rows(model, data.tokens, rows, top_k, settings.speed.precision, progress)
