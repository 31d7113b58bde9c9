"""Loops over the scores of each document, compiled by numba."""

from __future__ import annotations

import numpy as np

from lightxml_core.compiled import compiled


@compiled
def best_keys(indptr: np.ndarray, indices: np.ndarray, bits: np.ndarray, k: int, none: int) -> np.ndarray:
    """int64[N, k]: the k smallest keys of each row in order, padded with `none`.

    A key sorts by descending score, then by label id. Its upper half is the score's bits (int32), mapped so that they
    decrease as the score increases. Its lower half is the label. Each row is read once, and its best keys are kept
    sorted. If a score is not finite, element [0, 0] is `none` - 1 and the rest is undefined.
    """
    rows = len(indptr) - 1
    best = np.full((rows, k), none, np.int64)
    for row in range(rows):
        kept, worst = best[row], -1
        for stored in range(indptr[row], indptr[row + 1]):
            score = bits[stored]
            if 0 <= score < worst:  # true of most scores
                continue
            if score & 0x7F800000 == 0x7F800000:
                best[0, 0] = none - 1
                return best
            if score == -0x80000000:
                score = 0  # -0.0 equals 0.0
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
    """bool[N, k]: whether each label of `ranks`, int64[N, k], is among the column ids of its row."""
    found = np.zeros(ranks.shape, np.bool_)
    for row in range(ranks.shape[0]):
        for place in range(ranks.shape[1]):
            for stored in range(indptr[row], indptr[row + 1]):
                if indices[stored] == ranks[row, place]:
                    found[row, place] = True
                    break
    return found


@compiled
def highest_weights(weight: np.ndarray, indptr: np.ndarray, indices: np.ndarray, k: int) -> np.ndarray:
    """float64[N, k]: the k highest weights of the labels of each row, descending, padded with 0. weight: float64[L]."""
    best = np.zeros((len(indptr) - 1, k))
    for row in range(len(best)):
        _set_highest(weight, indices[indptr[row] : indptr[row + 1]], best[row])
    return best


@compiled
def counts_of(labels: np.ndarray, hit: np.ndarray, k: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int64[F] three times: the labels with a hit in the first k places, their hits, and how often they are predicted.

    labels: int64[N, depth], -1 for none. hit: bool[N, depth]. size: the number of labels.
    """
    hits, predicted = np.zeros(size, np.int64), np.zeros(size, np.int64)
    found, count = np.empty(min(size, len(labels) * k), np.int64), 0
    for row in range(len(labels)):
        for place in range(k):
            label = labels[row, place]
            if label >= 0:
                predicted[label] += 1
                if hit[row, place]:
                    if hits[label] == 0:
                        found[count] = label
                        count += 1
                    hits[label] += 1
    found = found[:count]
    return found, hits[found], predicted[found]


@compiled
def first_hits(
    rows: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    scores: np.ndarray,
    true_indptr: np.ndarray,
    true_indices: np.ndarray,
) -> np.ndarray:
    """int64[len(rows)]: the rank, from 1, of the best true label of each given row; 0 where no true label is predicted.

    indptr, indices, scores: predictions as CSR, scores float32. true_indptr, true_indices: the true labels. Both have
    sorted column ids. Equal scores are ranked by label id.
    """
    first = np.zeros(len(rows), np.int64)
    for i in range(len(rows)):
        row, best = rows[i], -1
        at, end = true_indptr[rows[i]], true_indptr[rows[i] + 1]
        for stored in range(indptr[row], indptr[row + 1]):
            while at < end and true_indices[at] < indices[stored]:
                at += 1
            if at < end and true_indices[at] == indices[stored] and (best < 0 or scores[stored] > scores[best]):
                best = stored
        if best < 0:
            continue
        first[i] = 1
        for stored in range(indptr[row], indptr[row + 1]):
            if scores[stored] > scores[best] or (scores[stored] == scores[best] and stored < best):
                first[i] += 1
    return first


@compiled
def _set_highest(weight: np.ndarray, labels: np.ndarray, best: np.ndarray) -> None:
    """Set `best` to the highest weights of some labels, descending, padded with 0."""
    best[:] = 0.0
    for label in labels:
        gain, place = weight[label], len(best) - 1
        if gain > best[place]:
            while place > 0 and best[place - 1] < gain:
                best[place] = best[place - 1]
                place -= 1
            best[place] = gain
