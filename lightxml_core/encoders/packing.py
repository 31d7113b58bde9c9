"""Documents laid end to end in one row of tokens, so that only the end of the row is padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightxml_core.encoders.tokens import TokenisedPart, end_to_end

_ROWS = 16  # at most so many lengths of rows: each is compiled once


class Packing(NamedTuple):
    """Which document each of the T tokens of a row belongs to.

    document: int64[T], counted from 0; B, the number of documents, for the padding at the end. positions: int64[1, T],
    each token's place in its document, from 0. offsets: int32[B + n], the ends of the documents and, before them, 0;
    then those of the pieces of the padding. No piece is longer than `longest`, which bounds every document.
    """

    document: Tensor
    positions: Tensor
    offsets: Tensor
    documents: int
    longest: int

    def each(self, change: Callable[[Tensor], Tensor]) -> Packing:
        """The same with every tensor changed, such as moved to a device."""
        return self._replace(
            document=change(self.document), positions=change(self.positions), offsets=change(self.offsets)
        )

    def members(self) -> Tensor:
        """bool[B, T]: which tokens are those of each document."""
        return self.document == torch.arange(self.documents, device=self.document.device).unsqueeze(1)

    def starts(self) -> Tensor:
        """int64[B]: the place of each document's first token."""
        return self.offsets[: self.documents].long()

    def mask(self, dtype: torch.dtype) -> Tensor:
        """float[1, 1, T, T], added to the logits of attention: 0 within a document, the lowest number elsewhere."""
        apart = self.document.unsqueeze(0) != self.document.unsqueeze(1)
        lowest = torch.finfo(dtype).min
        return torch.zeros(apart.shape, dtype=dtype, device=apart.device).masked_fill_(apart, lowest)[None, None]


@dataclass(frozen=True)
class Packer:
    """Packs batches into rows whose length is a multiple of `unit`, so that there are few different lengths."""

    unit: int
    longest: int

    @classmethod
    def of(cls, lengths: np.ndarray, batch: int) -> Packer:
        """For batches of `batch` documents, whose numbers of tokens are among int64[N] `lengths`."""
        longest = -(-int(lengths.max()) // 8) * 8
        return cls(longest * -(-batch // _ROWS), longest)

    def pack(self, tokens: TokenisedPart, rows: np.ndarray, pad_id: int) -> tuple[Tensor, Packing]:
        """int64[1, T] ids of some documents, and where each lies. rows: int64[B]."""
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
