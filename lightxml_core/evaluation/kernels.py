"""Loops over the scores of each document, compiled by numba."""

from __future__ import annotations

import numpy as np

from lightxml_core.compiled import compiled


@compiled
def best_keys(indptr: np.ndarray, indices: np.ndarray, bits: np.ndarray, k: int, none: int) -> np.ndarray:
    """int64[N, k]: the k smallest keys of each row in order, filled up with `none`; `none` - 1 in [0, 0] for a NaN.

    A key sorts by falling score, then by label id: its upper half is the score's bits (int32), made to fall as the
    score rises, its lower half the label. A row is read once and its best are kept sorted.
    """
    rows = len(indptr) - 1
    best = np.full((rows, k), none, np.int64)
    for row in range(rows):
        kept, worst = best[row], -1
        for stored in range(indptr[row], indptr[row + 1]):
            score = bits[stored]
            if 0 <= score < worst:  # most scores end here
                continue
            if score & 0x7F800000 == 0x7F800000:
                best[0, 0] = none - 1
                return best
            if score == -0x80000000:
                score = 0  # -0.0 is 0.0
            if score < 0:
                score ^= 0x7FFFFFFF
            key = (np.int64(-1 - score) << 32) | indices[stored]
            if key < kept[k - 1]:
                place = k - 1
                while place > 0 and kept[place - 1] > key:
                    kept[place] = kept[place - 1]
                    place -= 1
                kept[place] = key
                if kept[k - 1] != none:
                    worst = -1 - (kept[k - 1] >> 32)
    return best


@compiled
def hits_of(ranks: np.ndarray, indptr: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """bool[N, k]: whether each label of int64[N, k] is among its row's column ids."""
    found = np.zeros(ranks.shape, np.bool_)
    for row in range(ranks.shape[0]):
        for place in range(ranks.shape[1]):
            for stored in range(indptr[row], indptr[row + 1]):
                if indices[stored] == ranks[row, place]:
                    found[row, place] = True
                    break
    return found


@compiled
def sums_of(
    ranks: np.ndarray, hit: np.ndarray, indptr: np.ndarray, indices: np.ndarray, weight: np.ndarray, ks: np.ndarray
) -> np.ndarray:
    """float64[7, len(ks)], sums over documents: P, nDCG, PSP and its best, PSnDCG and its best, R at each of `ks`.

    ranks: int64[N, k]. hit: bool[N, k]. indptr, indices: the true labels as CSR. weight: float64[L]. ks: ascending.
    """
    depth = hit.shape[1]
    discount = 1.0 / np.log2(np.arange(depth) + 2.0)
    ideal = np.cumsum(discount)
    sums, best = np.zeros((7, len(ks))), np.empty(depth)
    for row in range(len(hit)):
        labels = max(indptr[row + 1] - indptr[row], 1)
        _set_highest(weight, indices[indptr[row] : indptr[row + 1]], best)
        found, dcg, won, won_dcg, most, most_dcg = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        at = 0
        for place in range(depth):
            if hit[row, place]:
                gain = weight[ranks[row, place]]
                found += 1.0
                dcg += discount[place]
                won += gain
                won_dcg += gain * discount[place]
            most += best[place]
            most_dcg += best[place] * discount[place]
            if place + 1 == ks[at]:
                reachable = ideal[min(labels, ks[at]) - 1]
                sums[0, at] += found / ks[at]
                sums[1, at] += dcg / reachable
                sums[2, at] += won
                sums[3, at] += most
                sums[4, at] += won_dcg / reachable
                sums[5, at] += most_dcg / reachable
                sums[6, at] += found / labels
                at += 1
    return sums


@compiled
def _set_highest(weight: np.ndarray, labels: np.ndarray, best: np.ndarray) -> None:
    """Set `best` to the highest weights of some labels, falling, filled up with 0."""
    best[:] = 0.0
    for label in labels:
        gain, place = weight[label], len(best) - 1
        if gain > best[place]:
            while place > 0 and best[place - 1] < gain:
                best[place] = best[place - 1]
                place -= 1
            best[place] = gain
