"""What the training of a transformer takes, estimated from its passes and weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lightxml_core.methods.load import BYTES_PER_WEIGHT, TOKENS_PER_WORD, Load, Shape, encoder_weights
from lightxml_core.methods.transformer.settings import Encoder, TransformerSettings, reads_frozen


def transformer_load(
    settings: TransformerSettings, size: Mapping[str, int], shape: Shape, documents: float, head: float
) -> Load:
    """Operations, weights and memory of a training on so many documents.

    size: of the backbone, its `layers`, `width` and `vocabulary`. head: the weights of the head.
    """
    layers, width = size["layers"], size["width"]
    tokens = min(settings.encoder.max_tokens, TOKENS_PER_WORD * (shape.words or math.inf))
    weights = encoder_weights(size) + head
    a_layer = 24.0 * width**2 * tokens + 4.0 * width * tokens**2
    operations = documents * a_layer * _layer_passes(settings, layers)
    micro_batch = settings.training.batch // settings.training.accumulate
    memory = BYTES_PER_WEIGHT * weights + _activations(micro_batch, tokens, layers, width)
    return Load(operations, weights, memory)


def width_read(encoder: Encoder, size: Mapping[str, int]) -> int:
    """Width of the features that the head reads."""
    return size["width"] if encoder.combine_layers == "sum" else min(encoder.layers, size["layers"]) * size["width"]


def _layer_passes(settings: TransformerSettings, layers: int) -> float:
    """Forward passes through one layer per document; a backward pass counts for two."""
    encoder, epochs = settings.encoder, settings.training.epochs + settings.selection.extra_epochs
    learning = layers - encoder.frozen_layers
    again = 0 if encoder.keep_frozen else encoder.frozen_layers
    return epochs * (3.0 * learning + again) + layers * reads_frozen(settings)


def _activations(batch: int, tokens: float, layers: int, width: int) -> float:
    """Bytes of 16-bit activations of a batch (Korthikanti et al. 2022, equation 1, heads of 64 numbers)."""
    return layers * tokens * batch * width * (34.0 + 5.0 * tokens / 64.0)
