"""Hits by label frequency against slow reference code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lightxml_core.evaluation.metrics import precision, rank
from lightxml_core.evaluation.tail import PARTS, deciles, tail_metrics


@given(st.integers(0, 10**6), st.integers(1, 35), st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_they_are_those_of_a_slow_count(seed: int, labels: int, documents: int) -> None:
    random = np.random.default_rng(seed)
    Y_trn, Y = (random.random((20, labels)) < 0.3, random.random((documents, labels)) < 0.3)
    scores = random.permutation(documents * labels).reshape(documents, labels) * (
        random.random((documents, labels)) < 0.8
    )
    Y[0, 0] = True
    ranking = rank(*(sparse.csr_matrix(m, dtype=np.float32) for m in (scores, Y)), 5)
    found = tail_metrics(ranking, sparse.csr_matrix(Y_trn, dtype=np.float32))
    order = sorted(range(labels), key=lambda label: (-int(Y_trn[:, label].sum()), label))
    decile = {label: place * 10 // labels for place, label in enumerate(order)}
    assert [decile[label] for label in range(labels)] == deciles(sparse.csr_matrix(Y_trn, dtype=np.float32)).tolist()
    for k in (1, 3, 5):
        pairs = []
        for i in range(documents):
            ranked = sorted((label for label in range(labels) if scores[i, label]), key=lambda label: -scores[i, label])
            pairs += [(i, label) for label in ranked[:k] if Y[i, label]]
        true = {d: sum(int(Y[:, label].sum()) for label in range(labels) if decile[label] == d) for d in range(10)}
        hit = {d: sum(decile[label] == d for _, label in pairs) for d in range(10)}
        for d in range(10):
            assert found["deciles"][f"P@{k}"][d] == pytest.approx(100 * hit[d] / documents / k)
            recall = 100 * hit[d] / true[d] if true[d] else None
            assert found["deciles"][f"R@{k}"][d] == (None if recall is None else pytest.approx(recall))
        for part, (first, last) in PARTS.items():
            of = sum(true[d] for d in range(first, last))
            share = 100 * sum(hit[d] for d in range(first, last)) / of if of else None
            assert found[part][f"R@{k}"] == (None if share is None else pytest.approx(share))


def test_labels_without_training_documents_are_the_rarest() -> None:
    Y_trn = sparse.csr_matrix(np.array([[0, 1, 0], [0, 1, 0]], np.float32))
    assert deciles(Y_trn).tolist() == [3, 0, 6] and deciles(Y_trn).dtype == np.int64
    found = tail_metrics(rank(Y_trn, Y_trn, 5), Y_trn)
    assert found["true_pairs"] == [2, *[0] * 9] and set(found["deciles"]) == {
        f"{m}@{k}" for m in "PR" for k in (1, 3, 5)
    }


def test_the_deciles_of_precision_sum_to_it() -> None:
    random = np.random.default_rng(3)
    Y, scores = (sparse.random(40, 60, 0.1, "csr", np.float32, random) for _ in range(2))
    whole = rank(scores, Y, 5)
    found = tail_metrics(whole, Y)
    for k in (1, 3, 5):
        assert sum(found["deciles"][f"P@{k}"]) == pytest.approx(100 * precision(whole, k))
