"""At which stage a method loses true labels, and whether its scores are calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.evaluation.metrics import Ranking

BINS = 10
FIRST = 5
DEPTHS = (1, 2, 3, 5, 10, 20, 50, 100)


def lost_labels(ranking: Ranking, Y_trn: sparse.csr_matrix) -> dict[str, float]:
    """Percent of the true pairs of a document and a label, in four classes that sum to 100.

    `first`: ranked among the first 5. `listed`: predicted, but ranked lower, so lost by the ranking. `unlisted`: not
    among the stored predictions (the best 100), so lost before the ranking, for instance by the choice of candidates.
    `unseen`: not predicted, and the label has no training document. ranking: at least the 5 best labels. Y_trn:
    CSR of training labels.
    """
    true = ranking.Y
    missed = true.indices[~np.isin(_pairs(true), _pairs(ranking.predictions))]
    unseen = int(np.count_nonzero(label_frequencies(Y_trn)[missed] == 0))
    first = int(ranking.hit[:, :FIRST].sum())
    counts = {"first": first, "listed": true.nnz - len(missed) - first}
    counts |= {"unlisted": len(missed) - unseen, "unseen": unseen}
    return {name: 100.0 * count / true.nnz for name, count in counts.items()}


def recall_by_depth(ranking: Ranking) -> dict[str, float]:
    """Percent of the true pairs of a document and a label that are among the K best predictions, for K of `DEPTHS`.

    It is an upper bound for any ranking of those K candidates. Keys are the K as text. ranking: at least the
    `max(DEPTHS)` best labels.
    """
    found = np.cumsum(ranking.hit.sum(axis=0))
    return {str(k): 100.0 * float(found[k - 1]) / ranking.Y.nnz for k in DEPTHS}


def calibration(predictions: sparse.csr_matrix, Y: sparse.csr_matrix) -> list[dict[str, Any]]:
    """Predicted pairs in ten bins of equal width by score: mean `score`, share that is `true`, number of `pairs`.

    Empty bins are left out. The list is empty if a score is below 0 or above 1: such scores (sums, logits) are not
    probabilities. predictions, Y: CSR N × L.
    """
    scores = predictions.data
    if not len(scores) or scores.min() < 0 or scores.max() > 1:
        return []
    true = np.isin(_pairs(predictions), _pairs(Y))
    tenth = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    pairs, sums, hit = (np.bincount(tenth, weights, BINS) for weights in (None, scores, true))
    return [
        {"score": float(sums[i] / pairs[i]), "true": float(hit[i] / pairs[i]), "pairs": int(pairs[i])}
        for i in np.flatnonzero(pairs)
    ]


def _pairs(matrix: sparse.csr_matrix) -> np.ndarray:
    """int64[nnz]: a unique number for each stored (row, column), in stored order."""
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return np.asarray(rows * matrix.shape[1] + matrix.indices)
