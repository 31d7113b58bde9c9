"""Paired differences against scipy's bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from lightxml_core.evaluation import paired
from lightxml_core.evaluation.paired import bootstrap_interval


def test_the_interval_agrees_with_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    values = random.exponential(size=300) - 0.8
    expected = bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(1))
    found = bootstrap_interval(values, resamples=4000)
    assert found == pytest.approx(tuple(expected.confidence_interval), abs=0.2 * expected.standard_error)
    assert found == bootstrap_interval(values, resamples=4000)
    monkeypatch.setattr(paired, "_AT_ONCE", 300 * 7)
    in_pieces = bootstrap_interval(values, resamples=4000)
    assert in_pieces == found, "drawing in pieces draws the same numbers"


def test_no_difference_has_no_width_and_one_document_no_interval() -> None:
    assert bootstrap_interval(np.zeros(50)) == (0.0, 0.0)
    assert bootstrap_interval(np.array([1.0])) is None
