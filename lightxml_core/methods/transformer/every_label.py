"""The loss over every label, without an array of documents × labels: the label table is read in blocks of rows.

A batch of B documents has B × L logits. Here about `AT_ONCE` of them exist at a time, and each block of labels adds its
share of the gradient before the next one is computed (as in Renée, MLSys 2023, and ELMO, ICML 2025).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lightxml_core.methods.transformer.losses import Reduction

AT_ONCE = 1 << 20  # logits that a CPU computes at once; a GPU is fast with more
_ON_GPU = 16


@dataclass(frozen=True)
class Batch:
    """Documents and their positive labels, as (row, label) pairs.

    hidden: float32[B, b]; rows, labels: int64[P]; scale: float32[B], what a document's part of the loss is multiplied
    by in the loss that is minimised.
    """

    hidden: Tensor
    rows: Tensor
    labels: Tensor
    scale: Tensor


class InPlace:
    """Plain SGD on a label table and its biases, block by block: neither their gradient nor moments are ever stored.

    Each backward pass of `every_label_loss` adds its batch. `step` computes the logits anew, from the same values of
    the table as the passes, so that a step is the sum of its micro-batches whatever their number.
    """

    def __init__(self, table: Tensor, bias: Tensor | None, lr: float) -> None:
        """table: float32[L, b]; bias: float32[L]; lr: their initial rate. From now on neither gets a gradient."""
        self.table, self.bias, self.lr = table, bias, lr
        for parameter in (table, bias):
            if parameter is not None:
                parameter.requires_grad_(False)
        self._batches: list[Batch] = []

    def add(self, batch: Batch) -> None:
        """Take a batch into the next step."""
        self._batches.append(batch)

    def clear(self) -> None:
        """Forget the batches since the last step."""
        self._batches = []

    @torch.no_grad()
    def step(self, rate: float, failed: Tensor | None = None) -> None:
        """Move the table against its gradient over the batches since the last step.

        rate: the learning rate. failed: bool[] on the device. If it is true, the table keeps its values, even if the
        batches have values that are not finite.
        """
        whole = _joined(self._batches)
        self.clear()
        if failed is not None:
            whole = replace(
                whole, hidden=whole.hidden.masked_fill(failed, 0.0), scale=whole.scale.masked_fill(failed, 0.0)
            )
        for span, errors, _ in _blocks(whole, self.table, self.bias):
            errors *= whole.scale.unsqueeze(1)
            self.table[span].addmm_(errors.T, whole.hidden, alpha=-rate)
            if self.bias is not None:
                self.bias[span].add_(errors.sum(0), alpha=-rate)


def every_label_loss(
    hidden: Tensor,
    table: Tensor,
    bias: Tensor | None,
    positives: tuple[Tensor, Tensor],
    reduction: Reduction,
    in_place: InPlace | None = None,
) -> Tensor:
    """Binary cross-entropy of the logits hidden · tableᵀ + bias over all L labels, in float32 (as `losses.bce`).

    hidden: float[B, b]; table: float32[L, b]; bias: float32[L]; positives: two int64[P], rows and labels, each pair
    once. `mean` divides by B·L, `sum` by B. in_place: what updates this table instead of a gradient.
    """
    of = len(hidden) * (len(table) if reduction == "mean" else 1)
    if in_place is not None and torch.is_grad_enabled() and not hidden.requires_grad:
        hidden = hidden.detach().requires_grad_()  # else there is no backward pass to leave a batch for the update
    with torch.autocast(hidden.device.type, enabled=False):
        loss: Tensor = _EveryLabel.apply(hidden.float(), table, bias, *positives, of, in_place)
    return loss


class _EveryLabel(torch.autograd.Function):
    """The gradients are those of the loss alone; backward multiplies them by what follows."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        table: Tensor,
        bias: Tensor | None,
        rows: Tensor,
        labels: Tensor,
        of: int,
        in_place: InPlace | None,
    ) -> Tensor:
        batch = Batch(hidden, rows, labels, hidden.new_full((len(hidden),), 1.0 / of))
        ctx.batch, ctx.in_place = batch, in_place
        of_hidden = torch.zeros_like(hidden)
        of_table = torch.empty_like(table) if ctx.needs_input_grad[1] else None
        of_bias = torch.empty_like(bias) if bias is not None and ctx.needs_input_grad[2] else None
        total = -_positive_logits(batch, table, bias).sum(dtype=torch.float64)
        for span, errors, loss in _blocks(batch, table, bias):
            total += loss
            errors /= of
            of_hidden.addmm_(errors, table[span])
            if of_table is not None:
                torch.mm(errors.T, hidden, out=of_table[span])
            if of_bias is not None:
                torch.sum(errors, 0, out=of_bias[span])
        ctx.gradients = (of_hidden, of_table, of_bias)
        return (total / of).float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        factor, batch = gradients[0], ctx.batch
        if ctx.in_place is not None:
            ctx.in_place.add(Batch(batch.hidden, batch.rows, batch.labels, batch.scale * factor))
        own = tuple(None if gradient is None else gradient.mul_(factor) for gradient in ctx.gradients)
        ctx.gradients = None  # multiplied in place: a second pass would be wrong, and fails
        return *own, None, None, None, None


def _blocks(batch: Batch, table: Tensor, bias: Tensor | None) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """For each block of labels: which, float32[B, n] the logits' gradients, and the sum of softplus over the logits.

    The gradient is sigmoid(logit), minus 1 at the positives.
    """
    at_once = AT_ONCE if table.is_cpu else _ON_GPU * AT_ONCE
    step = max(1, at_once // max(1, len(batch.hidden)))
    for start in range(0, len(table), step):
        span = slice(start, min(start + step, len(table)))
        block = table[span]
        logits = batch.hidden @ block.T if bias is None else torch.addmm(bias[span], batch.hidden, block.T)
        loss = softplus(logits).sum(dtype=torch.float64)
        place = batch.labels - start
        inside = (place >= 0) & (place < len(block))
        errors = logits.sigmoid_()
        where = (batch.rows, place.clamp(0, len(block) - 1))
        yield span, errors.index_put_(where, -inside.to(errors.dtype), accumulate=True), loss


def _positive_logits(batch: Batch, table: Tensor, bias: Tensor | None) -> Tensor:
    """float32[P]."""
    logits = (batch.hidden[batch.rows] * table[batch.labels]).sum(1)
    return logits if bias is None else logits + bias[batch.labels]


def _joined(batches: list[Batch]) -> Batch:
    """One batch of all documents, in order."""
    first = [0]
    for batch in batches:
        first.append(first[-1] + len(batch.hidden))
    return Batch(
        torch.cat([batch.hidden for batch in batches]),
        torch.cat([batch.rows + start for batch, start in zip(batches, first, strict=False)]),
        torch.cat([batch.labels for batch in batches]),
        torch.cat([batch.scale for batch in batches]),
    )
