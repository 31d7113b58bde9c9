"""Prediction with a trained member."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from lightxml_core.encoders.saliency import gradient_times_input
from lightxml_core.methods import Contributions, Explain, FindNearest, Nearest, Predict, TestData
from lightxml_core.methods.lightxml.memory import Memory, load_memory, mixed
from lightxml_core.methods.lightxml.model import stored
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.methods.transformer.inputs import padded
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.methods.transformer.prediction import load_classifier, predict_rows
from lightxml_core.training.log import Progress


def load_model(folder: Path) -> tuple[TextClassifier, Settings]:
    """A trained member from its folder, see `load_classifier`."""
    return load_classifier(folder, stored)


def predict(folder: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N_tst × L: the `top_k` best labels of each document with their scores in (0, 1)."""
    return load(folder)(data, top_k)


def load(folder: Path) -> Predict:
    """The same, with the model in memory."""
    model, settings = load_model(folder)
    memory = load_memory(folder, model.mean.device) if settings.memory.neighbours else None
    return partial(_best, model, settings, memory)


def explain(folder: Path) -> Explain:
    """Of each token gradient × input, for the logarithm of the score."""
    model, _ = load_model(folder)
    encoder: Any = model.backbone.encoder

    def of(data: TestData, labels: np.ndarray) -> Contributions:
        assert data.tokens is not None
        ids, mask = padded(data.tokens, np.arange(1), model)
        wanted = torch.from_numpy(labels).to(ids.device)

        def scores() -> Tensor:
            return model.head.log_scores(model.prepare(model.backbone(ids, mask)), wanted)

        return Contributions(tokens=gradient_times_input(encoder.get_input_embeddings(), scores))

    return of


def nearest(folder: Path) -> FindNearest | None:
    """A function that finds the training documents which vote with the heads.

    None without a memory, or for a model of an earlier version, which does not say where its documents are.
    """
    model, settings = load_model(folder)
    memory = load_memory(folder, model.mean.device) if settings.memory.neighbours else None
    if memory is None or memory.rows is None:
        return None
    kept, of_place = memory, memory.rows

    def of(data: TestData) -> Nearest:
        assert data.tokens is not None
        found: list[tuple[Tensor, Tensor]] = []

        def observe(_: np.ndarray, features: Tensor) -> None:
            found.append(kept.nearest(features, settings.memory.neighbours))

        predict_rows(model, data.tokens, np.arange(1), 1, settings.speed.precision, None, observe)
        similarity, places = (one[0].cpu().numpy() for one in found[0])
        return Nearest(of_place[places], similarity, kept.Y[places])

    return of


def _best(
    model: TextClassifier, settings: Settings, memory: Memory | None, data: TestData, top_k: int
) -> sparse.csr_matrix:
    assert data.tokens is not None
    rows = np.arange(len(data.tokens))
    progress = Progress("prediction", len(rows))
    read = partial(predict_rows, model, data.tokens, rows, top_k, settings.speed.precision, progress)
    if memory is None:
        return read()
    places: list[np.ndarray] = [np.empty(0, np.int64)]
    votes = [sparse.csr_matrix((0, model.head.labels), dtype=np.float32)]

    def observe(batch: np.ndarray, features: Tensor) -> None:
        votes.append(memory.votes(features, settings.memory))
        places.append(batch)

    heads = read(observe)
    in_order = sparse.csr_matrix(sparse.vstack(votes, format="csr"))[np.argsort(np.concatenate(places))]
    return mixed(heads, in_order, settings.memory.neighbour_weight, top_k)
