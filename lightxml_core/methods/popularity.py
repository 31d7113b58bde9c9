"""Predict the most frequent labels for every document: a baseline that any method should beat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.files import load_array, save_array
from lightxml_core.methods import BaseSettings, TestData, TrainingData


@dataclass(frozen=True)
class Settings(BaseSettings):
    """There are no settings."""


def needs(settings: Settings) -> frozenset[str]:
    """Nothing of the documents but their labels."""
    return frozenset()


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Save the share of training documents that have each label, float32[L]."""
    frequency = np.asarray((data.Y != 0).sum(axis=0)).ravel() / data.Y.shape[0]
    save_array(out / "frequency.npy", frequency.astype(np.float32))


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top_k` most frequent labels with their shares, the same in every row; ties by label id.

    Labels without training documents are not predicted.
    """
    assert data.documents is not None
    documents = data.documents
    frequency = load_array(model / "frequency.npy")
    best = np.argsort(-frequency, kind="stable")[: min(top_k, np.count_nonzero(frequency))]
    best.sort()
    indptr = np.arange(documents + 1) * best.size
    row = (np.tile(frequency[best], documents), np.tile(best, documents), indptr)
    return sparse.csr_matrix(row, shape=(documents, frequency.size))
