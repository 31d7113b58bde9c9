"""Scores of the labels of proposed clusters, read block by block where copying their rows would cost more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def proposals(proposed: Tensor) -> tuple[list[int], tuple[Tensor, ...]]:
    """The clusters proposed, ascending, and of each the places int64[n] among the B·K of int64[B, K] that name it."""
    flat = proposed.flatten()
    order = torch.argsort(flat, stable=True)
    clusters, counts = torch.unique_consecutive(flat[order], return_counts=True)
    return clusters.tolist(), order.split(counts.tolist())


def cut(table: Tensor, firsts: Sequence[int], sizes: Sequence[int]) -> tuple[Tensor, ...]:
    """The blocks of rows [first, first + size) of a table, which do not overlap; one gradient for the whole table."""
    return _Cut.apply(table, firsts, sizes)


def block_scores(hidden: Tensor, kept: int, places: Sequence[Tensor], widest: int, blocks: Sequence[Tensor]) -> Tensor:
    """float32[B, K, M]: hidden · row, for every row of the blocks a document proposes; 0 past their end.

    hidden: float[B, b]; K `kept`; M `widest`; block i, float32[m, b], is proposed at `places[i]` of the B·K. Each is
    multiplied once by all documents that propose it, forward and backward; nothing is copied.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        scores: Tensor = _BlockScores.apply(hidden.float(), kept, places, widest, *blocks)
    return scores


class _Cut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, firsts: Sequence[int], sizes: Sequence[int]) -> tuple[Tensor, ...]:
        ctx.save_for_backward(table)
        ctx.spans = [slice(first, first + size) for first, size in zip(firsts, sizes, strict=True)]
        return tuple(table[span] for span in ctx.spans)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_table = torch.zeros_like(*ctx.saved_tensors)
        for span, gradient in zip(ctx.spans, gradients, strict=True):
            of_table[span] = gradient
        return of_table, None, None


class _BlockScores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, kept: int, places: Sequence[Tensor], widest: int, *blocks: Tensor) -> Tensor:
        ctx.save_for_backward(hidden, *blocks)
        ctx.kept, ctx.places = kept, places
        scores = hidden.new_zeros(len(hidden) * kept, widest)
        for own, block in zip(places, blocks, strict=True):
            scores[own, : len(block)] = hidden[own // kept] @ block.T
        return scores.view(len(hidden), kept, widest)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, *blocks = ctx.saved_tensors
        gradient, of_hidden, of_blocks = gradients[0].flatten(0, 1), torch.zeros_like(hidden), []
        for own, block in zip(ctx.places, blocks, strict=True):
            documents, of_scores = own // ctx.kept, gradient[own, : len(block)]
            of_hidden.index_add_(0, documents, of_scores @ block)
            of_blocks.append(of_scores.T @ hidden[documents])
        return (of_hidden, None, None, None, *of_blocks)
