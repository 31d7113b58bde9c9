"""The highest scores of each row, the same on every device."""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor

_LAST_LABEL = 2**31 - 1
_LEAST_IN_PILE = 4  # with fewer, one selection among all keys is faster


def best(scores: Tensor, k: int, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The k highest scores of each row and their labels; equal scores go to the lower label id.

    scores: float32[B, n], not negative but for a -1 that stands for none. labels: int64[B, n] below 2^31, the column
    numbers if None. One selection among int64 keys: the score's bits, which rise with it, above the label's complement.
    """
    if labels is None:
        labels = torch.arange(scores.shape[1], device=scores.device)
    keys = scores.contiguous().view(torch.int32).long()
    kept = _highest(keys.bitwise_left_shift_(32).bitwise_or_(_LAST_LABEL - labels), min(k, scores.shape[1]))
    return (kept >> 32).int().view(torch.float32), _LAST_LABEL - (kept & 0xFFFFFFFF)


def _highest(keys: Tensor, k: int) -> Tensor:
    """The k highest of each row of int64[B, n], falling.

    Columns are dealt into piles, of about as many as make both selections the same size; the k best lie in the k piles
    with the best tops.
    """
    in_pile = isqrt(keys.shape[1] // max(k, 1))
    if in_pile < _LEAST_IN_PILE:
        return keys.topk(k, dim=1).values
    dealt = keys.shape[1] // in_pile * in_pile
    piles = keys[:, :dealt].unflatten(1, (in_pile, -1))
    best_piles = piles.amax(1).topk(k, dim=1, sorted=False).indices
    kept = piles.gather(2, best_piles.unsqueeze(1).expand(-1, in_pile, -1)).flatten(1)
    return torch.cat([kept, keys[:, dealt:]], dim=1).topk(k, dim=1).values
