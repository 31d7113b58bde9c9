"""Prediction with a trained member."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy import sparse

from lightxml_core.encoders.tokens import TokenisedPart
from lightxml_core.files import load_array, load_csr, read_json
from lightxml_core.methods import TestData
from lightxml_core.methods.transformer.inputs import (
    PREDICTION_BATCH,
    SCORED_TOGETHER,
    autocast,
    by_length,
    in_memory,
    padded,
)
from lightxml_core.methods.transformer.model import LightXML, build_model
from lightxml_core.methods.transformer.settings import Settings
from lightxml_core.training.devices import pick_device
from lightxml_core.training.log import Progress

_WEIGHTS = "model.safetensors"
SEEN = "seen.npy"  # bool[L]: the labels that a training document has


def load_model(folder: Path) -> tuple[LightXML, Settings]:
    """Rebuild a trained member from its folder, in evaluation mode on the device at hand.

    The last one stays in memory, for the next call with the same weights.
    """
    return _loaded(folder, (folder / _WEIGHTS).stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _loaded(folder: Path, _written: int) -> tuple[LightXML, Settings]:
    from safetensors.torch import load_file

    stored = read_json(folder / "settings.json")
    labels = int(stored.pop("labels"))
    settings = Settings(**stored)
    clusters = load_csr(folder / "clusters.npz") if settings.head == "clustered" else None
    device = pick_device()
    model = build_model(settings, folder, labels, clusters, pretrained=False)
    model.load_state_dict(load_file(folder / _WEIGHTS))
    model.head.seen.copy_(torch.from_numpy(load_array(folder / SEEN)))
    if settings.precision == "fp16" and device.type == "cpu":  # trained on a GPU, used without one
        settings = replace(settings, precision="auto")
    return model.to(device).eval(), settings


def predict(folder: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N_tst × L: the `top_k` best labels of each document with their scores in (0, 1)."""
    assert data.tokens is not None
    model, settings = load_model(folder)
    rows = np.arange(len(data.tokens))
    return predict_rows(model, data.tokens, rows, top_k, settings, Progress("prediction", len(rows)))


def predict_rows(
    model: LightXML,
    tokens: TokenisedPart,
    rows: np.ndarray,
    top_k: int,
    settings: Settings,
    progress: Progress | None = None,
) -> sparse.csr_matrix:
    """`predict` for some documents, `rows` int64[n] of `tokens`, with a model at hand: float32 CSR n × L."""
    top_k = min(top_k, model.head.labels)
    scores = np.zeros((len(rows), top_k), np.float32)
    labels = np.full((len(rows), top_k), -1, np.int64)

    def run(batch: np.ndarray) -> None:
        parts = [batch[start : start + PREDICTION_BATCH] for start in range(0, len(batch), PREDICTION_BATCH)]
        with torch.inference_mode(), autocast(model, settings):
            features = torch.cat([model.backbone(*padded(tokens, rows[part], model)) for part in parts])
            best, found = model.top(features, top_k)
        scores[batch, : best.shape[1]], labels[batch, : best.shape[1]] = best.cpu().numpy(), found.cpu().numpy()
        if progress is not None:
            progress.advance(len(batch), "")

    by_block = settings.head == "clustered" and model.mean.device.type == "cpu"
    in_memory(by_length(tokens.lengths[rows], SCORED_TOGETHER if by_block else PREDICTION_BATCH), run)
    return best_as_csr(scores, labels, model.head.labels)


def best_as_csr(scores: np.ndarray, labels: np.ndarray, total: int) -> sparse.csr_matrix:
    """float32[N, K] scores and int64[N, K] labels as CSR N × `total`; places without a label, -1 in either, go."""
    real = (labels >= 0) & (scores >= 0)
    row = np.repeat(np.arange(len(scores)), real.sum(1))
    matrix = sparse.csr_matrix((scores[real], (row, labels[real])), shape=(len(scores), total))
    matrix.sort_indices()
    return matrix
