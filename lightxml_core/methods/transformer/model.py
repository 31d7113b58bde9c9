"""A text classifier as one module: backbone, standardisation, dropout, head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lightxml_core.encoders.backbone import Backbone, load_encoder
from lightxml_core.methods.transformer.heads import Head
from lightxml_core.methods.transformer.losses import Loss
from lightxml_core.methods.transformer.settings import TransformerSettings

MakeHead = Callable[[int], Head]
"""Makes a head for features of this width."""


class TextClassifier(nn.Module):
    """Text representation and head, trained together."""

    mean: Tensor
    scale: Tensor

    def __init__(self, backbone: Backbone, head: Head, dropout: float) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("mean", torch.zeros(backbone.width))
        self.register_buffer("scale", torch.ones(backbone.width))

    def standardise(self, features: Tensor) -> None:
        """Take mean and standard deviation of float[N, width] features as the model's fixed scaling.

        Deviations are raised to at least a tenth of their median. Pretrained encoders have features that are almost
        constant (3 of 384 in the last layer of MiniLM). Divided by their small deviation, they would dominate all
        others as soon as the encoder is trained.
        """
        self.mean.copy_(features.mean(0))
        deviation = features.std(0, correction=min(1, len(features) - 1))  # of a single document it is 0
        self.scale.copy_(1.0 / deviation.clamp_min(0.1 * deviation.median().item() or 1.0))

    def prepare(self, features: Tensor) -> Tensor:
        """Scaled features with dropout, as the head takes them."""
        return self.dropout((features.float() - self.mean) * self.scale)

    def loss(self, features: Tensor, rows: Tensor, labels: Tensor, **sampling: Any) -> Loss:
        """Loss of a batch from its documents' features, float[B, width]; positives and `sampling` as in `heads`."""
        return self.head.loss(self.prepare(features), rows, labels, **sampling)

    def top(self, features: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """float32[B, k] scores and int64[B, k] labels from documents' features, best first, scored in float32.

        A score of -1 means no label.
        """
        with torch.autocast(features.device.type, enabled=False):
            scores, labels = self.head.top(self.prepare(features), k)
        return scores, labels


def build_classifier(
    settings: TransformerSettings, encoder: Path, make_head: MakeHead, pretrained: bool = True
) -> TextClassifier:
    """The model before training; every value that is not loaded comes from the settings' seed.

    encoder: folder of the backbone. Not `pretrained`: its weights are random, for others to be loaded over them.
    """
    torch.manual_seed(settings.seed)
    chosen = settings.encoder
    module = load_encoder(encoder, chosen.encoder_dropout, pretrained)
    backbone = Backbone(module, chosen.layers, chosen.position, chosen.combine_layers)
    if chosen.frozen_layers:
        backbone.freeze(chosen.frozen_layers)
    return TextClassifier(backbone, make_head(backbone.width), chosen.feature_dropout)
