"""Two runs on the same test documents: how sure their difference is."""

from __future__ import annotations

import numpy as np

RESAMPLES, LEVEL = 2000, 0.95
_AT_ONCE = 1 << 22  # numbers drawn at once


def bootstrap_interval(
    differences: np.ndarray, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> tuple[float, float] | None:
    """The percentile bootstrap interval of a mean of paired differences; None for fewer than two.

    differences: float64[N], one per document or per seed. Resamples draw N of them with replacement (Efron and
    Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3). The same arguments give the same interval.
    """
    if len(differences) < 2:
        return None
    random = np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // len(differences))
    means = [
        differences[random.integers(0, len(differences), (min(rows, resamples - start), len(differences)))].mean(axis=1)
        for start in range(0, resamples, rows)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
