"""Linear classifiers and the rankers' choices against slow restatements; one-vs-rest end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse

from lightxml_core.evaluation.metrics import evaluate
from lightxml_core.methods import TestData, TrainingData, one_vs_rest
from lightxml_core.methods.xtransformer.ranker import confidence, ranked, seen_by
from lightxml_core.methods.xtransformer.settings import Settings
from lightxml_core.training.linear import LinearSettings, fit_linear, scores_of


def planted(documents: int, labels: int, seed: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Features that give the labels away, among noise."""
    random = np.random.default_rng(seed)
    Y = random.random((documents, labels)) < 0.2
    X = Y.astype(float) @ (random.random((labels, 12)) < 0.4) + random.random((documents, 12))
    return sparse.csr_matrix(X, dtype=np.float32), sparse.csr_matrix(Y, dtype=np.float32)


@pytest.mark.parametrize("threads", [1, 3])
def test_weights_are_those_that_minimise_the_objective(threads: int) -> None:
    X, Y = planted(80, 5, 0)
    rows = np.arange(0, 80, 2)
    how = LinearSettings(cost=0.5, threshold=0.0, threads=threads)
    found = fit_linear(X, Y, [(rows, np.array([3, 1])), (np.arange(80), np.array([0, 2, 4]))], how, "test").toarray()
    for label in range(5):
        seen = rows if label in (1, 3) else np.arange(80)
        A = np.hstack([X[seen].toarray(), np.ones((len(seen), 1))])
        y = np.where(Y[seen, label].toarray().ravel() > 0, 1.0, -1.0)

        def objective(w: np.ndarray, A: np.ndarray = A, y: np.ndarray = y) -> float:
            return float(0.5 * w @ w + 0.5 * (np.maximum(0, 1 - y * (A @ w)) ** 2).sum())

        best = optimize.minimize(objective, np.zeros(13), method="BFGS").fun
        assert objective(found[:, label]) <= best * 1.02 + 1e-6


def test_the_weights_are_the_same_for_any_number_of_processes() -> None:
    X, Y = planted(60, 200, 1)
    one, three = (
        fit_linear(X, Y, [(np.arange(60), np.arange(200))], LinearSettings(threads=n), "test") for n in (1, 3)
    )
    assert (one != three).nnz == 0 and one.nnz > 1000


def test_labels_with_one_answer_small_weights_and_no_group() -> None:
    X = sparse.csr_matrix(np.array([[1, 0], [0, 1], [1, 1]], np.float32))
    Y = sparse.csr_matrix(np.array([[1, 0, 1, 0], [1, 0, 0, 0], [1, 0, 0, 1]], np.float32))
    whole = fit_linear(X, Y, [(np.arange(3), np.array([0, 1, 2]))], LinearSettings(threshold=0.0), "test").toarray()
    assert whole[:, 0].tolist() == [0, 0, 1] and whole[:, 1].tolist() == [0, 0, -1]
    assert whole[:, 3].tolist() == [0, 0, -1]  # in no group
    cut = fit_linear(X, Y, [(np.arange(3), np.array([2]))], LinearSettings(threshold=0.6), "test").toarray()
    small = np.abs(whole[:2, 2]) < 0.6
    assert small.any() and (cut[:2, 2][small] == 0).all() and (cut[:2, 2][~small] == whole[:2, 2][~small]).all()
    assert cut[2, 2] == whole[2, 2]  # a bias is never dropped
    np.testing.assert_allclose(scores_of(X, sparse.csc_matrix(whole)), X @ whole[:2] + whole[2], rtol=1e-6)


@given(st.integers(0, 10**6), st.sampled_from(["teacher", "matcher", "both"]))
@settings(deadline=None, max_examples=60)
def test_rankers_see_the_documents_that_sets_say(seed: int, negatives: str) -> None:
    random = np.random.default_rng(seed)
    documents, labels, clusters = 7, 9, 3
    Y = random.random((documents, labels)) < 0.2
    cluster_of = random.integers(0, clusters, labels)
    proposed = random.random((documents, clusters)) < 0.4
    C = sparse.csr_matrix(np.eye(clusters, dtype=np.float32)[cluster_of])
    chosen = Settings(ranker_negatives=negatives)  # type: ignore[arg-type]
    groups = seen_by(sparse.csr_matrix(Y, dtype=np.float32), C, sparse.csr_matrix(proposed * np.float32(0.3)), chosen)
    seen = {int(label): rows.tolist() for rows, own in groups for label in own}
    assert seen.keys() == set(range(labels))
    for label in range(labels):
        own = {i for i in range(documents) if Y[i, label]}
        teacher = {
            i for i in range(documents) if any(Y[i, j] for j in range(labels) if cluster_of[j] == cluster_of[label])
        }
        matcher = {i for i in range(documents) if proposed[i, cluster_of[label]]}
        expected = {"teacher": teacher, "matcher": own | matcher, "both": teacher | matcher}[negatives]
        assert seen[label] == sorted(expected)


def test_ranked_labels_are_those_of_the_proposed_clusters_with_both_scores_multiplied() -> None:
    random = np.random.default_rng(4)
    X = sparse.csr_matrix(random.random((4, 3)), dtype=np.float32)
    weights = random.normal(size=(4, 5)).astype(np.float32)
    cluster_of = np.array([0, 1, 0, 2, 1])
    C = sparse.csr_matrix(np.eye(3, dtype=np.float32)[cluster_of])
    margins = random.normal(size=(4, 3))
    proposed = sparse.csr_matrix(np.where([[1, 0, 1], [0, 1, 0], [1, 1, 1], [0, 0, 0]], 1 / (1 + np.exp(-margins)), 0))
    found = ranked(X, sparse.csc_matrix(weights), C, proposed, 100).toarray()
    for i in range(4):
        for label in range(5):
            expected = 0.0
            if proposed[i, cluster_of[label]]:
                score = float((X[i].toarray() @ weights[:3, label])[0] + weights[3, label])
                expected = np.exp(-(max(0, 1 - score) ** 3)) * np.exp(-(max(0, 1 - margins[i, cluster_of[label]]) ** 3))
            assert found[i, label] == pytest.approx(expected, rel=1e-4)
    assert confidence(np.array([1.0, 2.0, -50.0])).tolist() == [1.0, 1.0, np.exp(-(3.5**3))]


def test_one_vs_rest_learns(tmp_path: Path) -> None:
    X, Y = planted(300, 20, 1)
    model, chosen = tmp_path / "model", one_vs_rest.Settings()
    one_vs_rest.fit(TrainingData(Y=Y[:200], X=X[:200]), chosen, model, True)
    found = one_vs_rest.predict(model, TestData(X=X[200:]), 5)
    assert np.diff(found.indptr).tolist() == [5] * 100 and found.data.min() > 0 and found.data.max() < 1
    shares = np.asarray(Y[:200].mean(axis=0)).ravel()
    always = sparse.csr_matrix(np.tile(shares, (100, 1)))
    every = np.ones(20)
    assert evaluate(found, Y[200:], every)["P@1"] > evaluate(always, Y[200:], every)["P@1"] + 20
