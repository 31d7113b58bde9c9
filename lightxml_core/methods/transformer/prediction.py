"""Prediction with a trained classifier."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from lightxml_core.encoders.tokens import TokenisedPart
from lightxml_core.files import load_array
from lightxml_core.methods import changed
from lightxml_core.methods.transformer.inputs import (
    PREDICTION_BATCH,
    SCORED_TOGETHER,
    autocast,
    by_length,
    fetched,
    in_memory,
    padded,
)
from lightxml_core.methods.transformer.model import MakeHead, TextClassifier, build_classifier
from lightxml_core.methods.transformer.settings import TransformerSettings
from lightxml_core.training.devices import Precision, pick_device
from lightxml_core.training.log import Progress

WEIGHTS = "model.safetensors"
S = TypeVar("S", bound=TransformerSettings)
SEEN = "seen.npy"  # bool[L]: the labels that a training document has


Read = Callable[[Path], tuple[S, MakeHead]]
Observe = Callable[[np.ndarray, Tensor], None]
"""Gets the places, int64[B], of a batch's documents and the features that the head gets for them, float[B, width]."""


def load_classifier(folder: Path, read: Read[S]) -> tuple[TextClassifier, S]:
    """Rebuild a trained model from its folder, in evaluation mode on the device at hand.

    read: gives the settings that the folder holds and the head that goes with them. The last model stays in memory, for
    the next call with the same weights.
    """
    found: tuple[TextClassifier, S] = _loaded(folder, read, (folder / WEIGHTS).stat().st_mtime_ns)
    return found


@lru_cache(maxsize=1)
def _loaded(folder: Path, read: Read[S], _written: int) -> tuple[TextClassifier, S]:
    from safetensors.torch import load_file

    settings, make_head = read(folder)
    device = pick_device()
    model = build_classifier(settings, folder, make_head, pretrained=False)
    model.load_state_dict(load_file(folder / WEIGHTS))
    model.head.seen.copy_(torch.from_numpy(load_array(folder / SEEN)))
    if settings.speed.precision == "fp16" and device.type == "cpu":  # trained on a GPU, used without one
        settings = changed(settings, precision="auto")
    return model.to(device).eval(), settings


def predict_rows(
    model: TextClassifier,
    tokens: TokenisedPart,
    rows: np.ndarray,
    top_k: int,
    precision: Precision,
    progress: Progress | None = None,
    observe: Observe | None = None,
) -> sparse.csr_matrix:
    """float32 CSR n × L: the `top_k` best labels of some documents with their scores in (0, 1).

    rows: int64[n], the documents of `tokens`. observe: called with each batch. Its places are indices of `rows`.
    """
    top_k = min(top_k, model.head.labels)
    scores = np.zeros((len(rows), top_k), np.float32)
    labels = np.full((len(rows), top_k), -1, np.int64)
    coming: list[tuple[np.ndarray, Callable[[], list[np.ndarray]]]] = []

    def store() -> None:
        batch, arrays = coming.pop(0)
        best, found = arrays()
        scores[batch, : best.shape[1]], labels[batch, : best.shape[1]] = best, found

    def run(batch: np.ndarray) -> None:
        parts = [batch[start : start + PREDICTION_BATCH] for start in range(0, len(batch), PREDICTION_BATCH)]
        with torch.inference_mode(), autocast(model, precision):
            features = torch.cat([model.backbone(*padded(tokens, rows[part], model)) for part in parts])
            best, found = model.top(features, top_k)
            if observe is not None:
                observe(batch, model.prepare(features))
        coming.append((batch, fetched(best, found)))
        if len(coming) > 1:  # the results of a batch are taken while a GPU computes the next one
            store()
        if progress is not None:
            progress.advance(len(batch), "")

    by_block = model.head.by_block and model.mean.device.type == "cpu"
    in_memory(by_length(tokens.lengths[rows], SCORED_TOGETHER if by_block else PREDICTION_BATCH), run)
    while coming:
        store()
    return best_as_csr(scores, labels, model.head.labels)


def best_as_csr(scores: np.ndarray, labels: np.ndarray, total: int) -> sparse.csr_matrix:
    """float32[N, K] scores and int64[N, K] labels as CSR N × `total`; -1 in either means no label."""
    real = (labels >= 0) & (scores >= 0)
    row = np.repeat(np.arange(len(scores)), real.sum(1))
    matrix = sparse.csr_matrix((scores[real], (row, labels[real])), shape=(len(scores), total))
    matrix.sort_indices()
    return matrix
