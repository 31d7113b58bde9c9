"""The losses of the heads, and the initial values of their biases.

Binary cross-entropy with logits over a set of scored labels is Σ softplus(z) − Σ z[positives], so no dense target is
ever built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

Reduction = Literal["mean", "sum"]
LossName = Literal["mean", "sum", "hinge"]


@dataclass(frozen=True)
class Loss:
    """The loss to minimise, and its parts by name for the log."""

    total: Tensor
    parts: dict[str, Tensor]


def bce(
    logits: Tensor,
    positives: tuple[Tensor, Tensor],
    reduction: Reduction,
    real: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy with logits, targets 1 at `positives` and 0 elsewhere, over the places that are `real`.

    logits: float[B, n]; positives: two int64[P], each of which counts `weight`, [P], so that no shape depends on values
    and a GPU is not waited for; real: bool[B, n], or float[B, n], how often each place counts. `mean` divides by the
    places scored (equation 9), `sum` by the documents.
    """
    each = softplus(logits)
    if real is not None:
        each = each.masked_fill(~real, 0.0) if real.dtype == torch.bool else each * real
    places = logits.numel() if real is None else real.sum()
    own = logits[positives] if weight is None else logits[positives] * weight
    return (each.sum() - own.sum()) / (places if reduction == "mean" else len(logits))


def squared_hinge(logits: Tensor, positives: tuple[Tensor, ...]) -> Tensor:
    """Mean over documents and labels of max(0, 1 - y·z)², y = 1 at `positives` and -1 elsewhere.

    logits: float[B, n]; positives: two int64[P].
    """
    own = logits[positives]
    negatives = (1.0 + logits).clamp_min(0.0).square().sum() - (1.0 + own).clamp_min(0.0).square().sum()
    return (negatives + (1.0 - own).clamp_min(0.0).square().sum()) / logits.numel()


def exactly(layer: nn.Module, features: Tensor) -> Tensor:
    """float32 logits whatever autocast says: those of bfloat16 have 8 bits, and many labels the same."""
    with torch.autocast(features.device.type, enabled=False):
        logits: Tensor = layer(features.float())
    return logits


def log_odds(count: np.ndarray, of: np.ndarray | int) -> Tensor:
    """float32 logit of (count + ½) / (of + 1): finite also where nothing or everything was counted."""
    return torch.from_numpy(np.log((count + 0.5) / (of - count + 0.5)).astype(np.float32))
