"""Scores of the labels of proposed clusters, computed block by block: this is faster where copying rows costs more."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Proposals:
    """The B·K proposals of clusters for documents, sorted by cluster.

    clusters: the proposed ones, ascending; counts: the number of proposals of each. places: int64[B·K], the position of
    each proposal in the flattened int64[B, K]; documents: int64[B·K], the document of each proposal.
    """

    clusters: list[int]
    counts: list[int]
    places: Tensor
    documents: Tensor


def proposals(proposed: Tensor) -> Proposals:
    """The proposals int64[B, K] by cluster."""
    flat = proposed.flatten()
    places = torch.argsort(flat, stable=True)
    clusters, counts = torch.unique_consecutive(flat[places], return_counts=True)
    return Proposals(clusters.tolist(), counts.tolist(), places, places // proposed.shape[1])


class Zeros:
    """Zeros for a table's gradient, in the same memory as before if the earlier zeros are no longer in use.

    On a CPU, a gigabyte of new memory takes longer than the rest of a step, because each page causes a page fault.
    """

    def __init__(self) -> None:
        self._memory = np.empty((0, 0), np.float32)
        self._given: Callable[[], np.ndarray | None] = lambda: None

    def like(self, table: Tensor) -> Tensor:
        """Zeros of the shape of a float32 table, on its device."""
        if self._given() is not None or not table.is_cpu:  # held: others are added to it, or a caller keeps it
            return torch.zeros_like(table)
        if self._memory.shape != table.shape:
            self._memory = np.empty(table.shape, np.float32)
        given = self._memory.view()
        self._given = weakref.ref(given)  # lives as long as the storage of the tensor and of all its views
        return torch.from_numpy(given).zero_()


def cut(table: Tensor, firsts: Sequence[int], sizes: Sequence[int], zeros: Zeros) -> tuple[Tensor, ...]:
    """The blocks of rows [first, first + size) of a table, which do not overlap; one gradient for the whole table."""
    return _Cut.apply(table, firsts, sizes, zeros)


def block_scores(hidden: Tensor, wanted: Proposals, widest: int, blocks: Sequence[Tensor]) -> Tensor:
    """float32[B·K, M]: hidden · row, for every row of the blocks proposed for a document; 0 past the end of a block.

    hidden: float[B, b]; M `widest`; block i, float32[m, b], is that of the i-th proposed cluster. Each block is
    multiplied once by all documents it is proposed for, forward and backward, and is not copied.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        scores: Tensor = _BlockScores.apply(hidden.float(), wanted, widest, *blocks)
    return scores


class _Cut(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, table: Tensor, firsts: Sequence[int], sizes: Sequence[int], zeros: Zeros
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(table)
        ctx.zeros = zeros
        ctx.spans = [slice(first, first + size) for first, size in zip(firsts, sizes, strict=True)]
        return tuple(table[span] for span in ctx.spans)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_table = ctx.zeros.like(*ctx.saved_tensors)
        for span, gradient in zip(ctx.spans, gradients, strict=True):
            of_table[span] = gradient
        return of_table, None, None, None


class _BlockScores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, wanted: Proposals, widest: int, *blocks: Tensor) -> Tensor:
        ctx.save_for_backward(hidden, *blocks)
        ctx.wanted = wanted
        own = hidden[wanted.documents]
        by_cluster = own.new_zeros(len(own), widest)
        parts = (tensor.split(wanted.counts) for tensor in (own, by_cluster))
        for rows, scores, block in zip(*parts, blocks, strict=True):
            torch.mm(rows, block.T, out=scores[:, : len(block)])
        return torch.empty_like(by_cluster).index_copy_(0, wanted.places, by_cluster)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, *blocks = ctx.saved_tensors
        wanted = ctx.wanted
        own = hidden[wanted.documents]
        of_own, of_blocks = torch.empty_like(own), []
        parts = (tensor.split(wanted.counts) for tensor in (own, of_own, gradients[0][wanted.places]))
        for rows, of_rows, of_scores, block in zip(*parts, blocks, strict=True):
            of_scores = of_scores[:, : len(block)]
            torch.mm(of_scores, block, out=of_rows)
            of_blocks.append(of_scores.T @ rows)
        return (torch.zeros_like(hidden).index_add_(0, wanted.documents, of_own), None, None, *of_blocks)
