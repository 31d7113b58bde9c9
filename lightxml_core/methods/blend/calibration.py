"""From a member's scores to probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

_NEAREST_0, _NEAREST_1 = 1e-12, 1.0 - 2.0**-25  # so that the logit of each float32 between 0 and 1 is finite
_LARGEST = 80.0  # of a margin, in magnitude: its probability still fits into float32
_FLAT = 1e-3  # least slope per standard deviation of the scores


@dataclass(frozen=True)
class Calibration:
    """The probability 1 / (1 + exp(-(slope·x + offset))) that a label with score s is true.

    x is the logit of s where `logit` says so, else s. The slope is above 0, so the ranking stays as it is.
    """

    slope: float
    offset: float
    logit: bool

    def __call__(self, scores: sparse.csr_matrix) -> sparse.csr_matrix:
        """float64 CSR of the same pattern, with probabilities instead of scores."""
        margins = self.slope * _inputs(scores.data, self.logit) + self.offset
        probabilities = 1.0 / (1.0 + np.exp(-np.clip(margins, -_LARGEST, _LARGEST)))
        return sparse.csr_matrix((probabilities, scores.indices, scores.indptr), shape=scores.shape)


def calibrate(scores: sparse.csr_matrix, Y: sparse.csr_matrix) -> Calibration:
    """The calibration of greatest likelihood over the listed labels (Platt 1999). scores, Y: CSR N × L.

    The logit is used where all scores lie between 0 and 1. A member whose better scores are not more often true, or
    whose labels are all true or all false, gets nearly the same probability everywhere: the share that is true.
    """
    from sklearn.linear_model import LogisticRegression

    logit = scores.nnz > 0 and bool(scores.data.min() >= 0.0 and scores.data.max() <= 1.0)
    true, x = _are_true(scores, Y), _inputs(scores.data, logit)
    center, scale = (float(x.mean()), float(x.std()) or 1.0) if len(x) else (0.0, 1.0)
    if true.any() and not true.all():
        fitted = LogisticRegression(C=1e9, tol=1e-8, max_iter=1000).fit(((x - center) / scale).reshape(-1, 1), true)
        slope, offset = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    else:
        slope = offset = 0.0
    if slope < _FLAT:
        share = (true.sum() + 1.0) / (len(true) + 2.0)
        slope, offset = _FLAT, float(np.log(share / (1.0 - share)))
    return Calibration(slope / scale, offset - slope * center / scale, logit)


def _inputs(scores: np.ndarray, logit: bool) -> np.ndarray:
    found = scores.astype(np.float64)
    if not logit:
        return found
    found = np.clip(found, _NEAREST_0, _NEAREST_1)
    return np.asarray(np.log(found) - np.log1p(-found))


def _are_true(scores: sparse.csr_matrix, Y: sparse.csr_matrix) -> np.ndarray:
    """bool[nnz of scores]: whether each listed label is a true one."""
    return np.isin(_pairs(scores), _pairs(Y))


def _pairs(matrix: sparse.csr_matrix) -> np.ndarray:
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return np.asarray(rows * matrix.shape[1] + matrix.indices)
