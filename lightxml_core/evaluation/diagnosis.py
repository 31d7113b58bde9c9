"""Where a method loses labels, and whether its scores are probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.evaluation.metrics import hits, rank_matrix

BINS = 10
FIRST = 5
DEPTHS = (1, 2, 3, 5, 10, 20, 50, 100)


def lost_labels(predictions: sparse.csr_matrix, Y: sparse.csr_matrix, Y_trn: sparse.csr_matrix) -> dict[str, float]:
    """Percent of the true pairs of a document and a label, by what became of them; the four sum to 100.

    `first`: ranked among the first 5. `listed`: predicted, but further down: lost by the ranking. `unlisted`: not among
    the predictions, which are the best 100: lost before the ranking (by the candidates, where a method has some).
    `unseen`: not predicted, and without a training document. predictions, Y: CSR N × L of scores and of true test
    labels. Y_trn: CSR of training labels.
    """
    missed = Y.indices[~np.isin(_pairs(Y), _pairs(predictions))]
    unseen = int(np.count_nonzero(label_frequencies(Y_trn)[missed] == 0))
    first = int(hits(rank_matrix(predictions, FIRST), Y).sum())
    counts = {"first": first, "listed": Y.nnz - len(missed) - first}
    counts |= {"unlisted": len(missed) - unseen, "unseen": unseen}
    return {name: 100.0 * count / max(Y.nnz, 1) for name, count in counts.items()}


def recall_by_depth(predictions: sparse.csr_matrix, Y: sparse.csr_matrix) -> dict[str, float]:
    """Percent of the true pairs of a document and a label among the K best predictions, by K of `DEPTHS`.

    At the depth of a method's candidates it is what they leave to the ranking; no ranking can bring back the rest.
    """
    found = np.cumsum(hits(rank_matrix(predictions, max(DEPTHS)), Y).sum(axis=0))
    return {str(k): 100.0 * float(found[k - 1]) / max(Y.nnz, 1) for k in DEPTHS}


def calibration(predictions: sparse.csr_matrix, Y: sparse.csr_matrix) -> list[dict[str, Any]]:
    """The predicted pairs by tenth of the score: mean `score`, the share that is `true`, and the number of `pairs`.

    A tenth without a pair is left out; nothing for scores that are not all between 0 and 1, as sums and logits are.
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
    """int64[nnz]: a number for each stored (row, column), in stored order."""
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return np.asarray(rows * matrix.shape[1] + matrix.indices)
