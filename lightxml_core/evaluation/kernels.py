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
def sums_of(hit: np.ndarray, gain: np.ndarray, best: np.ndarray, labels_of: np.ndarray, ks: np.ndarray) -> np.ndarray:
    """float64[7, len(ks)], sums over documents: P, nDCG, PSP and its best, PSnDCG and its best, R at each of `ks`.

    hit: bool[N, k]. gain, best: float64[N, k], weights of the ranked labels and of the best ranking. labels_of: int[N].
    """
    depth = hit.shape[1]
    discount = 1.0 / np.log2(np.arange(depth) + 2.0)
    ideal = np.cumsum(discount)
    sums = np.zeros((7, len(ks)))
    for row in range(len(hit)):
        found, dcg, won, won_dcg, most, most_dcg = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        at = 0
        for place in range(depth):
            if hit[row, place]:
                found += 1.0
                dcg += discount[place]
                won += gain[row, place]
                won_dcg += gain[row, place] * discount[place]
            most += best[row, place]
            most_dcg += best[row, place] * discount[place]
            if place + 1 == ks[at]:
                reachable = ideal[min(max(labels_of[row], 1), ks[at]) - 1]
                sums[0, at] += found / ks[at]
                sums[1, at] += dcg / reachable
                sums[2, at] += won
                sums[3, at] += most
                sums[4, at] += won_dcg / reachable
                sums[5, at] += most_dcg / reachable
                sums[6, at] += found / max(labels_of[row], 1)
                at += 1
    return sums
