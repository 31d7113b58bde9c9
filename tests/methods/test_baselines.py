from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

from lightxml_core.errors import InputError
from lightxml_core.evaluation import metrics
from lightxml_core.features.labels import normalise_rows
from lightxml_core.files import load_csr
from lightxml_core.methods import TestData, TrainingData, knn, omikuji_trees, one_vs_rest, popularity

LABELS = 60
Trees = Literal["parabel", "bonsai"]


def planted(documents: int, seed: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Each document has two labels out of 60 and mostly the two words of each; document 3 has no words."""
    random = np.random.default_rng(seed)
    Y = np.zeros((documents, LABELS), dtype=np.float32)
    Y[np.arange(documents)[:, None], random.integers(0, LABELS, (documents, 2)) ** 2 // LABELS] = 1
    words = np.repeat(Y, 2, axis=1) * (random.random((documents, 2 * LABELS)) < 0.8)
    X = words + 0.5 * (random.random(words.shape) < 0.02)
    X[3] = 0
    return sparse.csr_matrix(X.astype(np.float32)), sparse.csr_matrix(Y)


@pytest.fixture(scope="module")
def corpus() -> tuple[TrainingData, TestData, sparse.csr_matrix]:
    X, Y = planted(400, 0)
    X_tst, Y_tst = planted(100, 1)
    return TrainingData(Y=Y, X=X), TestData(X=X_tst, documents=100), Y_tst


def precision(predictions: sparse.csr_matrix, Y: sparse.csr_matrix) -> float:
    return 100 * metrics.precision(metrics.rank(predictions, Y, 1), 1)


def test_popularity_ranks_labels_by_their_share(
    tmp_path: Path, corpus: tuple[TrainingData, TestData, sparse.csr_matrix]
) -> None:
    trn, tst, _ = corpus
    popularity.fit(trn, popularity.Settings(), tmp_path, False)
    found = popularity.predict(tmp_path, tst, 5)
    share = np.asarray(trn.Y.mean(axis=0)).ravel()
    best = sorted(range(LABELS), key=lambda label: (-share[label], label))[:5]
    expected = np.where(np.isin(np.arange(LABELS), best), share, 0)
    assert found.dtype == np.float32 and found.has_canonical_format
    np.testing.assert_allclose(found.toarray(), np.tile(expected, (100, 1)), rtol=1e-6)


def test_popularity_predicts_no_label_without_documents(tmp_path: Path) -> None:
    Y = sparse.csr_matrix(np.array([[1, 0, 0], [1, 0, 1]], dtype=np.float32))
    popularity.fit(TrainingData(Y=Y), popularity.Settings(), tmp_path, False)
    found = popularity.predict(tmp_path, TestData(documents=2), 3)
    assert found.nnz == 4 and found.toarray().tolist() == [[1.0, 0.0, 0.5]] * 2


@pytest.mark.parametrize("at_once", [1, 10_000_000])
def test_the_vote_of_neighbours_agrees_with_brute_force(
    tmp_path: Path,
    corpus: tuple[TrainingData, TestData, sparse.csr_matrix],
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trn, tst, _ = corpus
    assert trn.X is not None and tst.X is not None
    monkeypatch.setattr(knn, "_SIMILARITIES_AT_ONCE", at_once)
    knn.fit(trn, knn.Settings(neighbours=7), tmp_path, False)
    found = knn.predict(tmp_path, tst, LABELS).toarray()
    lengths = [np.maximum(np.linalg.norm(X.toarray(), axis=1), 1e-12) for X in (trn.X, tst.X)]
    similar = (tst.X.toarray() / lengths[1][:, None]) @ (trn.X.toarray() / lengths[0][:, None]).T
    for document, similarities in enumerate(similar):
        # equal distances differ in their last bits between the two computations, so only clear ranks are compared
        order = np.argsort(-similarities)
        if similarities[order[6]] - similarities[order[7]] > 1e-5 or similarities[order[6]] == 0:
            nearest = [row for row in order[:7] if similarities[row] > 0]
            votes = similarities[nearest] @ trn.Y[nearest].toarray()
            np.testing.assert_allclose(found[document], votes, atol=1e-5)
    assert not found[3].any()


@pytest.mark.parametrize("method", [knn, one_vs_rest])
def test_what_terms_add_makes_up_the_score(
    tmp_path: Path, corpus: tuple[TrainingData, TestData, sparse.csr_matrix], method: Any
) -> None:
    """The score of neighbours; the margin of a classifier without its bias."""
    trn, tst, _ = corpus
    assert tst.X is not None
    method.fit(trn, method.Settings(), tmp_path / "model", False)
    scores, explain = method.predict(tmp_path / "model", tst, 5), method.explain(tmp_path / "model")
    bias = load_csr(tmp_path / "model/weights.npz")[-1].toarray().ravel() if method is one_vs_rest else np.zeros(LABELS)
    for document in (0, 1, 2, 3):
        labels = scores[document].indices
        terms = explain(TestData(X=tst.X[document]), labels).features
        assert set(terms.indices) <= set(tst.X[document].indices)
        found = np.asarray(terms.sum(axis=1)).ravel() + bias[labels]
        np.testing.assert_allclose(expit(found) if method is one_vs_rest else found, scores[document].data, rtol=1e-5)


@pytest.mark.parametrize("model", ["parabel", "bonsai"])
def test_trees_learn_and_beat_popularity(
    tmp_path: Path, corpus: tuple[TrainingData, TestData, sparse.csr_matrix], model: Trees
) -> None:
    trn, tst, Y_tst = corpus
    settings = omikuji_trees.Settings(model=model, max_leaf=10)
    omikuji_trees.fit(trn, settings, tmp_path / "trees", False)
    popularity.fit(trn, popularity.Settings(), tmp_path / "popularity", False)
    found = omikuji_trees.predict(tmp_path / "trees", tst, 10)
    assert found.dtype == np.float32 and found.has_canonical_format and found.shape == Y_tst.shape
    assert np.diff(found.indptr)[3] == 0 and np.diff(found.indptr).max() == 10
    assert found.data.min() >= 0 and found.data.max() <= 1
    assert precision(found, Y_tst) > precision(popularity.predict(tmp_path / "popularity", tst, 10), Y_tst) + 40


@pytest.mark.parametrize("model", ["parabel", "bonsai"])
def test_the_weights_in_the_files_of_trees_give_their_scores(
    tmp_path: Path,
    corpus: tuple[TrainingData, TestData, sparse.csr_matrix],
    model: Trees,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A tree's score is the product of exp(-max(0, 1 - m)²) over the margins m on the way (hinge loss of omikuji)."""
    trn, tst, _ = corpus
    settings = omikuji_trees.Settings(model=model, max_leaf=10, beam=100)  # so wide that it follows all nodes
    omikuji_trees.fit(trn, settings, tmp_path, False)
    capfd.readouterr()
    found, trees = omikuji_trees.predict(tmp_path, tst, 3), omikuji_trees.ways(tmp_path)
    assert capfd.readouterr().out == "", "there `predict` prints labels"
    assert tst.X is not None and len(trees) == 3
    X = normalise_rows(tst.X)
    explain = omikuji_trees.explain(tmp_path)
    for document in (0, 1, 2, 3, 4):
        row, own = X[document], found[document]
        terms = explain(TestData(X=tst.X[document]), own.indices).features
        for place, (label, score) in enumerate(zip(own.indices.tolist(), own.data, strict=True)):
            without = [np.array([step.of(row.indices) @ row.data for step in tree[label]]) for tree in trees]
            biases = [np.concatenate([step.of(np.array([-1])) for step in tree[label]]) for tree in trees]
            lost = [np.square(np.maximum(0.0, 1.0 - m - b)).sum() for m, b in zip(without, biases, strict=True)]
            assert score == pytest.approx(np.mean(np.exp(-np.array(lost))), rel=1e-3)
            assert terms[place].sum() == pytest.approx(np.mean([m.sum() for m in without]), rel=1e-4, abs=1e-6)


def test_a_second_fit_replaces_the_model_completely(
    tmp_path: Path, corpus: tuple[TrainingData, TestData, sparse.csr_matrix], capfd: pytest.CaptureFixture[str]
) -> None:
    for trees in (3, 1):
        omikuji_trees.fit(corpus[0], omikuji_trees.Settings(trees=trees), tmp_path, False)
    os.write(2, b"still here")
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["settings.json", "trees/settings.json", "trees/tree0.cbor"]
    assert capfd.readouterr().err == "still here"  # no progress bars, and standard error is restored


def test_trees_refuse_settings_and_data_that_crash_omikuji(tmp_path: Path) -> None:
    data = TrainingData(Y=sparse.csr_matrix(np.eye(2)), X=sparse.csr_matrix((2, 4), dtype=np.float32))
    with pytest.raises(InputError, match="no training document has both"):
        omikuji_trees.fit(data, omikuji_trees.Settings(), tmp_path, False)
    with pytest.raises(InputError, match="max_leaf must be at least 2"):
        omikuji_trees.fit(data, omikuji_trees.Settings(max_leaf=1), tmp_path, False)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
