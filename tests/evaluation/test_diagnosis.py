"""The fate of the true labels and the calibration, against slow counts."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lightxml_core.evaluation.diagnosis import DEPTHS, calibration, lost_labels, recall_by_depth
from lightxml_core.evaluation.metrics import rank


@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 10))
@settings(deadline=None, max_examples=60)
def test_they_are_those_of_a_slow_count(seed: int, labels: int, documents: int) -> None:
    random = np.random.default_rng(seed)
    Y_trn, Y = random.random((5, labels)) < 0.3, random.random((documents, labels)) < 0.4
    scores = random.random((documents, labels)) * (random.random((documents, labels)) < 0.6)
    Y[0, 0] = True
    csr = [sparse.csr_matrix(m, dtype=np.float32) for m in (scores, Y, Y_trn)]
    fates: Counter[str] = Counter()
    bins: dict[int, list[tuple[float, bool]]] = {}
    within: Counter[int] = Counter()
    for i, j in np.ndindex(documents, labels):
        score = float(np.float32(scores[i, j]))
        place = sum(scores[i] > scores[i, j])
        if score:
            bins.setdefault(min(int(np.float32(score) * np.float32(10)), 9), []).append((score, bool(Y[i, j])))
        if Y[i, j]:
            within.update(k for k in DEPTHS if score and place < k)
            unlisted = "unlisted" if Y_trn[:, j].any() else "unseen"
            fates[("first" if place < 5 else "listed") if score else unlisted] += 1
    total = sum(fates.values())
    ranking = rank(*csr[:2], max(DEPTHS))
    found = lost_labels(ranking, csr[2])
    assert found == {
        name: pytest.approx(100 * fates[name] / total) for name in ("first", "listed", "unlisted", "unseen")
    }
    assert recall_by_depth(ranking) == {str(k): pytest.approx(100 * within[k] / total) for k in DEPTHS}
    told = calibration(csr[0], csr[1])
    assert [b["pairs"] for b in told] == [len(bins[i]) for i in sorted(bins)]
    for entry, i in zip(told, sorted(bins), strict=True):
        assert entry["score"] == pytest.approx(np.mean([score for score, _ in bins[i]]), rel=1e-5)
        assert entry["true"] == pytest.approx(np.mean([true for _, true in bins[i]]))


def test_the_lowest_and_the_highest_score_are_probabilities() -> None:
    scores = sparse.csr_matrix((np.array([0.0, 1.0], np.float32), [0, 1], [0, 1, 2]), shape=(2, 2))
    told = calibration(scores, sparse.csr_matrix(np.eye(2, dtype=np.float32)))
    assert told == [{"score": 0.0, "true": 1.0, "pairs": 1}, {"score": 1.0, "true": 1.0, "pairs": 1}]


def test_a_score_of_one_is_in_the_highest_bin() -> None:
    told = calibration(sparse.csr_matrix(np.array([[0.95, 1.0, 0.05]], np.float32)), sparse.csr_matrix(np.ones((1, 3))))
    assert [entry["pairs"] for entry in told] == [1, 2]


def test_scores_that_are_not_probabilities_have_no_calibration() -> None:
    Y = sparse.csr_matrix(np.eye(2, dtype=np.float32))
    assert calibration(sparse.csr_matrix(np.array([[0.5, 1.5], [0.2, 0.1]], np.float32)), Y) == []
    assert calibration(sparse.csr_matrix((2, 2), dtype=np.float32), Y) == []
