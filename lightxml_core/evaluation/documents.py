"""What each test document contributes to a metric: the values behind standard errors and paired comparisons.

Each function returns float64[N] of shares whose mean over the N documents is the metric; those of nDCG and MRR are
`metrics.ndcg_per_document` and `averages.reciprocal_ranks`. A metric that is a ratio of
two sums, such as PSP@k, is linearised around its value (Cochran, Sampling Techniques, 1977, section 6.4): the mean is
the metric, and the standard error of the mean is that of the ratio to first order.
"""

from __future__ import annotations

import math

import numpy as np

from lightxml_core.evaluation.metrics import Ranking, discounted_gains, hits_per_document


def precision(ranking: Ranking, k: int) -> np.ndarray:
    """The share of the first k labels that are true, see `metrics.precision`."""
    return np.asarray(hits_per_document(ranking, k) / k)


def recall(ranking: Ranking, k: int) -> np.ndarray:
    """The share of the true labels that are among the first k, see `metrics.recall`."""
    labelled = ranking.true > 0
    return _ratio(hits_per_document(ranking, k) / np.maximum(ranking.true, 1), labelled.astype(np.float64))


def psp(ranking: Ranking, k: int) -> np.ndarray:
    """The gain beside the largest possible gain, see `metrics.psp`."""
    return _ratio(ranking.gain[:, :k].sum(axis=1), ranking.best_gain[:, :k].sum(axis=1))


def psndcg(ranking: Ranking, k: int) -> np.ndarray:
    """The discounted gain beside the largest possible one, see `metrics.psndcg`."""
    return _ratio(*discounted_gains(ranking, k))


def standard_error(values: np.ndarray) -> float | None:
    """Of the mean: the sample standard deviation over documents / sqrt(N). None for a single document."""
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else None


def _ratio(reached: np.ndarray, possible: np.ndarray) -> np.ndarray:
    """float64[N]: the linearised ratio of the two sums."""
    whole = possible.mean()
    ratio = reached.mean() / whole
    return np.asarray(ratio + (reached - ratio * possible) / whole)
