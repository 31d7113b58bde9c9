"""The output of the frozen encoder for each training document, computed once and kept beside the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightxml_core.encoders.tokens import end_to_end
from lightxml_core.errors import InputError
from lightxml_core.methods import TrainingData
from lightxml_core.methods.transformer.inputs import (
    PREDICTION_BATCH,
    autocast,
    by_length,
    in_memory,
    on_device,
    padded,
)
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.methods.transformer.settings import TransformerSettings
from lightxml_core.training.checkpoint import Checkpoint
from lightxml_core.training.log import Progress


@dataclass(frozen=True)
class Frozen:
    """The output of the pretrained encoder for the documents trained on, in their order.

    vectors: float32[n, layers·d], one vector per layer that is read. features: float32[n, width], these combined.
    hidden: bfloat16[T, d], the states above the frozen layers, all documents end to end, offsets int64[n + 1];
    None unless they are kept and a layer above them is trained.
    """

    vectors: Tensor
    features: Tensor
    hidden: Tensor | None
    offsets: np.ndarray

    def features_of(self, model: TextClassifier, places: np.ndarray, mask: Tensor | None) -> Tensor:
        """float[B, width]: features of some documents with the current weights of the layers that are trained.

        places: int64[B] among the documents trained on; mask: bool[B, T] of their tokens, None if nothing is padded.
        """
        backbone, device = model.backbone, model.mean.device
        if self.hidden is None:  # no layer is trained
            return on_device(self.features[places], device)
        lengths = np.diff(self.offsets)[places]
        longest = int(lengths.max()) if mask is None else mask.shape[1]
        row = np.repeat(np.arange(len(places)), lengths)
        position = end_to_end(np.zeros_like(lengths), lengths)
        lower = torch.zeros(len(places) * longest, self.hidden.shape[1], device=device)
        known = on_device(self.hidden[end_to_end(self.offsets[places], lengths)], device).float()
        lower.index_copy_(0, on_device(torch.from_numpy(row * longest + position), device), known)
        above = backbone.read(backbone.states_above(lower.unflatten(0, (len(places), longest)), mask), mask)
        vectors = on_device(self.vectors[places], device)
        return backbone.combined(torch.cat([vectors[:, : vectors.shape[1] - above.shape[1]], above], dim=1))


def frozen(
    model: TextClassifier, data: TrainingData, rows: np.ndarray, settings: TransformerSettings, checkpoint: Checkpoint
) -> Frozen:
    """Pass each document through the encoder once, unless the checkpoint has the result."""
    assert data.tokens is not None
    offsets = np.concatenate([[0], np.cumsum(data.tokens.lengths[rows])])
    cached = checkpoint.load("features")
    found = _encode(model, data, rows, settings, offsets) if cached is None else cached[0]
    if cached is None:
        checkpoint.save("features", found, {})
    vectors = found["vectors"]
    return Frozen(vectors, model.backbone.combined(vectors), found.get("hidden"), offsets)


def _encode(
    model: TextClassifier, data: TrainingData, rows: np.ndarray, settings: TransformerSettings, offsets: np.ndarray
) -> dict[str, Tensor]:
    tokens, backbone = data.tokens, model.backbone
    assert tokens is not None
    encoder: Any = backbone.encoder
    width = int(encoder.config.hidden_size)
    found = {"vectors": torch.empty(len(rows), backbone.layers * width)}
    if settings.encoder.keep_frozen and backbone.frozen < backbone.depth:
        if not backbone.resumes:
            raise InputError("keep_frozen does not work for encoders of the XLNet type: set it to false")
        found["hidden"] = torch.empty(int(offsets[-1]), width, dtype=torch.bfloat16)
    model.eval()
    progress = Progress(f"{settings.encoder.backbone} frozen features", len(rows))
    lengths = np.diff(offsets)

    def run(batch: np.ndarray) -> None:
        ids, mask = padded(tokens, rows[batch], model)
        with torch.inference_mode(), autocast(model, settings.speed.precision):
            states = backbone.states(ids, mask)
            found["vectors"][batch] = backbone.read(states, mask).float().cpu()
        if "hidden" in found:
            state, places = states[backbone.frozen], end_to_end(offsets[batch], lengths[batch])
            real = state.flatten(0, 1) if mask is None else state[mask[:, : state.shape[1]]]
            found["hidden"][places] = real.to(torch.bfloat16).cpu()
        progress.advance(len(batch), "")

    in_memory(by_length(lengths, PREDICTION_BATCH), run)
    return found
