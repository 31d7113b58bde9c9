"""Linear classifiers and rankers against slow reference implementations; one-vs-rest end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse

from lightxml_core.evaluation.metrics import precision, rank
from lightxml_core.methods import TestData, TrainingData, changed, one_vs_rest
from lightxml_core.methods.xtransformer import ranker
from lightxml_core.methods.xtransformer.ranker import confidence, ranked, ranker_features, training_groups
from lightxml_core.methods.xtransformer.settings import Settings
from lightxml_core.training import linear
from lightxml_core.training.checkpoint import Checkpoint
from lightxml_core.training.linear import Group, LinearSettings, fit_linear, learnt, scores_of
from lightxml_core.training.log import TrainingLog
from tests.helpers.planted import killed_at, log_lines


def fitted(
    X: sparse.csr_matrix, Y: sparse.csr_matrix, groups: list[Group], how: LinearSettings, folder: Path
) -> sparse.csc_matrix:
    log = TrainingLog(folder / "checkpoint/training.jsonl", None)
    return fit_linear(X, Y, groups, how, "test", Checkpoint(folder / "checkpoint", "run"), log)


def planted(documents: int, labels: int, seed: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Features that determine the labels, with noise."""
    random = np.random.default_rng(seed)
    Y = random.random((documents, labels)) < 0.2
    X = Y.astype(float) @ (random.random((labels, 12)) < 0.4) + random.random((documents, 12))
    return sparse.csr_matrix(X, dtype=np.float32), sparse.csr_matrix(Y, dtype=np.float32)


@pytest.mark.parametrize("threads", [1, 3])
def test_weights_minimise_the_objective(threads: int, tmp_path: Path) -> None:
    X, Y = planted(80, 5, 0)
    rows = np.arange(0, 80, 2)
    how = LinearSettings(cost=0.5, threshold=0.0, threads=threads)
    groups = [(rows, np.array([3, 1])), (np.arange(80), np.array([0, 2, 4]))]
    found = fitted(X, Y, groups, how, tmp_path).toarray()
    for label in range(5):
        seen = rows if label in (1, 3) else np.arange(80)
        A = np.hstack([X[seen].toarray(), np.ones((len(seen), 1))])
        y = np.where(Y[seen, label].toarray().ravel() > 0, 1.0, -1.0)

        def objective(w: np.ndarray, A: np.ndarray = A, y: np.ndarray = y) -> float:
            return float(0.5 * w @ w + 0.5 * (np.maximum(0, 1 - y * (A @ w)) ** 2).sum())

        best = optimize.minimize(objective, np.zeros(13), method="BFGS").fun
        assert objective(found[:, label]) <= best * 1.02 + 1e-6


def test_weights_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    X, Y = planted(60, 200, 1)
    everything = [(np.arange(60), np.arange(200))]
    one, three = (fitted(X, Y, everything, LinearSettings(threads=n), tmp_path / str(n)) for n in (1, 3))
    assert (one != three).nnz == 0 and one.nnz > 1000


@pytest.mark.parametrize("minutes", [0.0, 1e9], ids=["kept after every portion", "nothing kept"])
def test_a_fit_killed_between_labels_resumes_to_the_same_weights(minutes: float, tmp_path: Path) -> None:
    """Its log is the same too."""
    X, Y = planted(60, 200, 2)  # three portions of labels in the first group, one in each other group
    Y = Y.multiply(np.arange(200) != 7).tocsr()  # without a document
    Y.eliminate_zeros()
    groups = [(np.arange(60), np.arange(0, 190)), (np.arange(30), np.arange(190, 195)), (np.arange(9), np.array([199]))]
    how = LinearSettings(checkpoint_minutes=minutes)
    expected = fitted(X, Y, groups, how, tmp_path / "whole")
    trained: list[int] = []
    fit_one = linear._fit_one

    def counted(*given: Any) -> Any:
        trained.append(1)
        return fit_one(*given)

    with killed_at(2):
        fitted(X, Y, groups, how, tmp_path / "killed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "_fit_one", counted)
        found = fitted(X, Y, groups, how, tmp_path / "killed")
    assert all(np.array_equal(getattr(found, name), getattr(expected, name)) for name in ("indptr", "indices", "data"))
    assert len(trained) == (196 if minutes else 6)  # 190 labels were done before
    assert np.flatnonzero(learnt(expected)).tolist() == [*range(7), *range(8, 195)]  # of 199, 9 rows without one
    assert log_lines(tmp_path / "killed") == log_lines(tmp_path / "whole")
    labels = [line["labels"] for line in log_lines(tmp_path / "whole")]
    assert labels == [64, 128, 190, 195, 196] == [line["step"] for line in log_lines(tmp_path / "whole")]


def test_labels_of_all_or_no_documents_small_weights_and_missing_groups(tmp_path: Path) -> None:
    X = sparse.csr_matrix(np.array([[1, 0], [0, 1], [1, 1]], np.float32))
    Y = sparse.csr_matrix(np.array([[1, 0, 1, 0], [1, 0, 0, 0], [1, 0, 0, 1]], np.float32))
    found = fitted(X, Y, [(np.arange(3), np.array([0, 1, 2]))], LinearSettings(threshold=0.0), tmp_path / "a")
    assert learnt(found).tolist() == [True, False, True, False]  # the second has no documents, the last no group
    whole = found.toarray()
    assert whole[:, 0].tolist() == [0, 0, 1]
    cut = fitted(X, Y, [(np.arange(3), np.array([2]))], LinearSettings(threshold=0.6), tmp_path / "b").toarray()
    small = np.abs(whole[:2, 2]) < 0.6
    assert small.any() and (cut[:2, 2][small] == 0).all() and (cut[:2, 2][~small] == whole[:2, 2][~small]).all()
    assert cut[2, 2] == whole[2, 2]  # a bias is never dropped
    np.testing.assert_allclose(scores_of(X, sparse.csc_matrix(whole)), X @ whole[:2] + whole[2], rtol=1e-6)


@given(st.integers(0, 10**6), st.sampled_from(["teacher", "matcher", "both"]))
@settings(deadline=None, max_examples=60)
def test_the_documents_of_rankers_agree_with_python_sets(seed: int, negatives: str) -> None:
    random = np.random.default_rng(seed)
    documents, labels, clusters = 7, 9, 3
    Y = random.random((documents, labels)) < 0.2
    cluster_of = random.integers(0, clusters, labels)
    proposed = random.random((documents, clusters)) < 0.4
    C = sparse.csr_matrix(np.eye(clusters, dtype=np.float32)[cluster_of])
    chosen = changed(Settings(), ranker_negatives=negatives)
    groups = training_groups(
        sparse.csr_matrix(Y, dtype=np.float32), C, sparse.csr_matrix(proposed * np.float32(0.3)), chosen
    )
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


@pytest.mark.parametrize("at_once", [1, 1 << 24], ids=["a document at a time", "all at once"])
def test_ranked_labels_are_those_of_the_proposed_clusters(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are ranked by both scores, or only by the ranker's."""
    monkeypatch.setattr(ranker, "_CANDIDATES_AT_ONCE", at_once)
    random = np.random.default_rng(4)
    X = sparse.csr_matrix(random.random((4, 3)), dtype=np.float32)
    weights = random.normal(size=(4, 5)).astype(np.float32)
    cluster_of = np.array([0, 1, 0, 2, 1])
    C = sparse.csr_matrix(np.eye(3, dtype=np.float32)[cluster_of])
    margins = random.normal(size=(4, 3))
    proposed = sparse.csr_matrix(np.where([[1, 0, 1], [0, 1, 0], [1, 1, 1], [0, 0, 0]], 1 / (1 + np.exp(-margins)), 0))
    found = ranked(X, sparse.csc_matrix(weights), C, proposed, 100).toarray()
    alone = ranked(X, sparse.csc_matrix(weights), C, proposed, 100, "ranker").toarray()
    for i in range(4):
        for label in range(5):
            expected = by_ranker = 0.0
            if proposed[i, cluster_of[label]]:
                score = float((X[i].toarray() @ weights[:3, label])[0] + weights[3, label])
                expected = np.exp(-(max(0, 1 - score) ** 3)) * np.exp(-(max(0, 1 - margins[i, cluster_of[label]]) ** 3))
                by_ranker = 1 / (1 + np.exp(-score))
            assert found[i, label] == pytest.approx(expected, rel=1e-4)
            assert alone[i, label] == pytest.approx(by_ranker, rel=1e-4)
    assert confidence(np.array([1.0, 2.0, -50.0])).tolist() == [1.0, 1.0, np.exp(-(3.5**3))]


def test_ranker_features_have_both_parts_at_the_same_length() -> None:
    X = sparse.csr_matrix([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    found = ranker_features(X, np.array([[0.0, 2.0], [5.0, 0.0]], np.float32)).toarray()
    np.testing.assert_allclose(found, [[0.6 / 2**0.5, 0.8 / 2**0.5, 0, 0, 1 / 2**0.5], [0, 0, 0, 1, 0]], rtol=1e-6)


def test_one_vs_rest_learns(tmp_path: Path) -> None:
    X, Y = planted(300, 20, 1)
    model, chosen = tmp_path / "model", one_vs_rest.Settings()
    one_vs_rest.fit(TrainingData(Y=Y[:200], X=X[:200]), chosen, model, True)
    found = one_vs_rest.predict(model, TestData(X=X[200:]), 5)
    assert np.diff(found.indptr).tolist() == [5] * 100 and found.data.min() > 0 and found.data.max() < 1
    shares = np.asarray(Y[:200].mean(axis=0)).ravel()
    always = sparse.csr_matrix(np.tile(shares, (100, 1)))
    assert 100 * precision(rank(found, Y[200:], 1), 1) > 100 * precision(rank(always, Y[200:], 1), 1) + 20
