"""Documents concatenated in one row of tokens, so that only the end of the row is padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightxml_core.encoders.tokens import TokenisedPart, end_to_end

_ROWS = 16  # the most different lengths of rows, each of which is compiled once


class Packing(NamedTuple):
    """Which document each of the T tokens of a row belongs to.

    document: int64[T], the number of each token's document, from 0; for the padding at the end it is `documents`.
    positions: int64[1, T], each token's place in its document, from 0. offsets: int32[documents + 1 + n], 0 and the
    ends of the documents, then those of n pieces of the padding. The padding is cut into pieces, because attention
    allows no document with more than `longest` tokens.
    """

    document: Tensor
    positions: Tensor
    offsets: Tensor
    documents: int
    longest: int

    def each(self, change: Callable[[Tensor], Tensor]) -> Packing:
        """The packing with every tensor replaced by what `change` makes of it, such as a copy on a device."""
        return self._replace(
            document=change(self.document), positions=change(self.positions), offsets=change(self.offsets)
        )

    def members(self) -> Tensor:
        """bool[documents, T]: which tokens belong to each document."""
        return self.document == torch.arange(self.documents, device=self.document.device).unsqueeze(1)

    def starts(self) -> Tensor:
        """int64[documents]: the place of each document's first token in the row."""
        return self.offsets[: self.documents].long()

    def mask(self, dtype: torch.dtype) -> Tensor:
        """dtype[1, 1, T, T], to add to the logits of attention: 0 within a document, the lowest number elsewhere."""
        apart = self.document.unsqueeze(0) != self.document.unsqueeze(1)
        lowest = torch.finfo(dtype).min
        return torch.zeros(apart.shape, dtype=dtype, device=apart.device).masked_fill_(apart, lowest)[None, None]


@dataclass(frozen=True)
class Packer:
    """Packs batches into rows whose length in tokens is a multiple of `unit`, so that there are few different lengths.

    longest: tokens of the longest document, rounded up to a multiple of 8.
    """

    unit: int
    longest: int

    @classmethod
    def of(cls, lengths: np.ndarray, batch: int) -> Packer:
        """For batches of `batch` documents. lengths: int64[N], the numbers of tokens of all documents."""
        longest = -(-int(lengths.max()) // 8) * 8
        return cls(longest * -(-batch // _ROWS), longest)

    def pack(self, tokens: TokenisedPart, rows: np.ndarray, pad_id: int) -> tuple[Tensor, Packing]:
        """The ids of some documents, int64[1, T], padded by `pad_id`, and their `Packing`. rows: int64[B]."""
        lengths = tokens.lengths[rows]
        total = int(lengths.sum())
        filler = -total % self.unit
        ids = np.full((1, total + filler), pad_id, np.int64)
        ids[0, :total] = tokens.ids[end_to_end(tokens.offsets[rows], lengths)]
        positions = np.zeros_like(ids)
        positions[0, :total] = end_to_end(np.zeros_like(lengths), lengths)
        document = np.repeat(np.arange(len(rows) + 1), [*lengths, filler])
        pieces = np.minimum(np.arange(1, self.unit // self.longest + 1) * self.longest, filler) + total
        offsets = np.concatenate([[0], np.cumsum(lengths), pieces]).astype(np.int32)
        tensor = torch.from_numpy
        packing = Packing(tensor(document), tensor(positions), tensor(offsets), len(rows), self.longest)
        return tensor(ids), packing
