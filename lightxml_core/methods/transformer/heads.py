"""The interface of a head, which scores labels from a document's features, and the flat head.

Positive labels come as two index vectors, `rows` int64[P] and `labels` int64[P]: pair i says that the
document in row rows[i] of the batch has the label labels[i].
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from lightxml_core.methods.transformer.every_label import InPlace, every_label_loss
from lightxml_core.methods.transformer.losses import Loss, LossName, exactly, log_odds, squared_hinge
from lightxml_core.methods.transformer.selection import best


class Head(nn.Module, ABC):
    """Scores L labels from a document's features.

    seen: bool[L], the labels that a training document has; no other is predicted.
    """

    labels: int
    seen: Tensor

    by_block = False
    """Whether a CPU reads the parameters in blocks when it predicts, so that many documents are scored together."""

    in_place: InPlace | None = None
    """What updates the label table instead of an optimiser."""

    @abstractmethod
    def start_at_prior(self, Y: sparse.csr_matrix) -> None:
        """Set each bias to the log-odds of its label among the documents of Y (N × L)."""

    def blocks(self) -> list[nn.Parameter]:
        """Parameters that are views of others: none."""
        return []

    @abstractmethod
    def loss(self, *args: Any, **kwargs: Any) -> Loss:
        """Loss of a batch from float[B, width] features, the positive pairs and what a method's sampler says."""

    @abstractmethod
    def log_scores(self, features: Tensor, labels: Tensor) -> Tensor:
        """float[K]: the logarithms of one document's scores for labels int64[K]. features: float[1, width]."""

    @abstractmethod
    def top(self, features: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The k best labels of each document: float[B, k] probabilities, -1 for none, and int64[B, k] label ids."""


class FlatHead(Head):
    """One linear layer over all L labels. Both training and prediction score every label."""

    def __init__(self, width: int, labels: int, loss: LossName, table_lr: float | None = None) -> None:
        """table_lr: the layer is trained by plain SGD at this rate without storing its gradient, see `InPlace`."""
        super().__init__()
        self.loss_name, self.labels = loss, labels
        self.classifier = nn.Linear(width, labels)
        if table_lr is not None:
            self.in_place = InPlace(self.classifier.weight, self.classifier.bias, table_lr)
        self.register_buffer("seen", torch.ones(labels, dtype=torch.bool), persistent=False)

    def start_at_prior(self, Y: sparse.csr_matrix) -> None:
        """Set each bias to the log-odds of its label among the documents of Y (N × L), the weights to zero."""
        nn.init.zeros_(self.classifier.weight)
        self.classifier.bias.data.copy_(log_odds(np.asarray(Y.sum(axis=0)).ravel(), Y.shape[0]))

    def loss(self, features: Tensor, rows: Tensor, labels: Tensor) -> Loss:
        """features: float[B, width]. Binary cross-entropy, or the squared hinge, over all labels."""
        own = (rows, labels)
        if self.loss_name == "hinge":
            total = squared_hinge(exactly(self.classifier, features), own)
        else:
            layer = self.classifier
            total = every_label_loss(features, layer.weight, layer.bias, own, self.loss_name, self.in_place)
        return Loss(total, {"loss": total})

    def log_scores(self, features: Tensor, labels: Tensor) -> Tensor:
        return logsigmoid(self.classifier(features)[0, labels])

    def top(self, features: Tensor, k: int) -> tuple[Tensor, Tensor]:
        return best(self.classifier(features).sigmoid().masked_fill(~self.seen, -1.0), k)
