"""Scores of the labels of proposed clusters, read block by block where copying their rows would cost more."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Block = tuple[int, int, Tensor]


def block_scores(
    hidden: Tensor, table: Tensor, proposed: Tensor, start: Tensor, size: Tensor, row_sparse: bool = False
) -> Tensor:
    """float32[B, K, M]: hidden · table row, for every row of the clusters a document proposes; 0 past their end.

    hidden: float[B, b]; table: float32[L, b], cluster c in rows [start[c], start[c] + size[c]); proposed: int64[B, K].
    A cluster's block is multiplied once by all documents that propose it, forward and backward; nothing is copied.
    row_sparse: the table's gradient holds the rows of these clusters only, in their order.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        scores: Tensor = _BlockScores.apply(hidden.float(), table, proposed, start, size, row_sparse)
    return scores


class _BlockScores(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, table: Tensor, proposed: Tensor, start: Tensor, size: Tensor, row_sparse: bool
    ) -> Tensor:
        ctx.row_sparse = row_sparse
        ctx.save_for_backward(hidden, table)
        ctx.kept, ctx.blocks = proposed.shape[1], _blocks(proposed, start, size)
        scores = hidden.new_zeros(proposed.numel(), int(size.max()))
        for first, count, places in ctx.blocks:
            scores[places, :count] = hidden[places // ctx.kept] @ table[first : first + count].T
        return scores.view(*proposed.shape, -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, table = ctx.saved_tensors
        gradient = gradients[0].flatten(0, 1)
        of_hidden = torch.zeros_like(hidden)
        of_table = None if ctx.row_sparse else torch.zeros_like(table)
        touched, values = [], []
        for first, count, places in ctx.blocks:
            rows, own = slice(first, first + count), gradient[places, :count]
            documents = places // ctx.kept
            of_hidden.index_add_(0, documents, own @ table[rows])
            of_rows = own.T @ hidden[documents]
            if of_table is None:
                touched.append(torch.arange(first, first + count))
                values.append(of_rows)
            else:
                of_table[rows] = of_rows
        if of_table is None:
            of_table = torch.sparse_coo_tensor(
                torch.cat(touched)[None], torch.cat(values), table.shape, is_coalesced=True, check_invariants=False
            )
        return of_hidden, of_table, None, None, None, None


def _blocks(proposed: Tensor, start: Tensor, size: Tensor) -> list[Block]:
    """First row and length of each cluster proposed, and its places int64[n] among the B·K that propose it."""
    flat = proposed.flatten()
    order = torch.argsort(flat, stable=True)
    clusters, counts = torch.unique_consecutive(flat[order], return_counts=True)
    places = order.split(counts.tolist())
    return list(zip(start[clusters].tolist(), size[clusters].tolist(), places, strict=True))
