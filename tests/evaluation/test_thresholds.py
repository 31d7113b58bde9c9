"""Thresholds against every threshold that could be chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import f1_score

from lightxml_core.evaluation.thresholds import best_thresholds


@given(seed=st.integers(0, 10_000), documents=st.integers(1, 8), labels=st.integers(2, 6), values=st.integers(1, 9))
def test_no_other_threshold_has_a_higher_f1(seed: int, documents: int, labels: int, values: int) -> None:
    """Few values make ties within and between documents."""
    random = np.random.default_rng(seed)
    scores = (random.integers(0, values + 1, (documents, labels)) / values).astype(np.float32)
    Y = (random.random((documents, labels)) < 0.4).astype(np.float32)
    Y[np.arange(documents), random.integers(0, labels, documents)] = 1  # held-out documents have labels
    found = best_thresholds(sparse.csr_matrix(scores), sparse.csr_matrix(Y))
    if found is None:
        assert not scores.any()
        return
    for threshold, average in ((found.micro, "micro"), (found.document, "samples")):

        def f1(score: float, average: str = average) -> float:
            assigned = (scores >= score) & (scores > 0)
            return 100 * float(f1_score(Y, assigned, average=average, zero_division=0))

        best = max(f1(float(score)) for score in np.unique(scores[scores > 0]))
        assert f1(threshold.score) == pytest.approx(best)
        assert threshold.f1 == pytest.approx(best, abs=0.0051)
