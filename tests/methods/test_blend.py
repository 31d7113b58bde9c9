"""Blends: calibration against a likelihood in numpy, weights on properties, held-out documents really held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse

from lightxml_core.encoders.tokens import TokenisedPart
from lightxml_core.errors import InputError
from lightxml_core.evaluation.metrics import rank_matrix
from lightxml_core.methods import TestData, TrainingData, blend
from lightxml_core.methods.blend.calibration import calibrate
from lightxml_core.methods.blend.model import read_blend
from lightxml_core.methods.blend.weights import objective, precisions, select_weights
from lightxml_core.methods.inputs import without_validation

DOCUMENTS, LABELS, LISTED = 60, 30, 10


def planted(seed: int, informed: float, scale: float = 1.0) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Scores of ten labels per document, and the true labels, which have scores higher by `informed` deviations."""
    draw = np.random.default_rng(seed)
    Y = sparse.csr_matrix((draw.random((DOCUMENTS, LABELS)) < 0.1).astype(np.float32))
    scores = scale * (informed * Y.toarray() + draw.normal(size=Y.shape))
    scores[rank_of(scores) >= LISTED] = 0.0
    return sparse.csr_matrix(scores.astype(np.float32)), Y


def rank_of(scores: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(-scores, axis=1), axis=1)


def mean_precision(scores: sparse.csr_matrix, Y: sparse.csr_matrix) -> float:
    """The mean of P@1, P@3 and P@5 in percent, by hand."""
    order = np.argsort(-scores.toarray(), axis=1, kind="stable")
    hits = np.take_along_axis(Y.toarray(), order, 1)
    return 100 * float(np.mean([hits[:, :k].sum() / (k * DOCUMENTS) for k in (1, 3, 5)]))


@pytest.mark.parametrize("probabilities", [False, True])
def test_calibration_is_the_most_likely_curve(probabilities: bool) -> None:
    scores, Y = planted(0, 2.0, 2.0)
    if probabilities:
        scores.data = 1.0 / (1.0 + np.exp(-scores.data))
    p = scores.data.astype(np.float64)
    x, true = np.log(p / (1.0 - p)) if probabilities else p, np.asarray(Y[scores.nonzero()]).ravel()

    def unlikelihood(ab: np.ndarray) -> float:
        margin = ab[0] * x + ab[1]
        return float(np.sum(np.logaddexp(0.0, margin) - true * margin))

    best = optimize.minimize(unlikelihood, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-9})
    found = calibrate(scores, Y)
    assert found.logit is probabilities
    assert unlikelihood(np.array([found.slope, found.offset])) <= best.fun + 1e-4
    expected = 1.0 / (1.0 + np.exp(-(found.slope * x + found.offset)))
    np.testing.assert_allclose(found(scores).data, expected, atol=1e-6)


@settings(max_examples=25)
@example(135, 0.0, 1.0, False)
@given(st.integers(0, 1000), st.floats(-1.0, 2.0), st.floats(0.01, 1000.0), st.booleans())
def test_a_blend_of_one_member_ranks_as_it_does(
    tmp_path_factory: pytest.TempPathFactory, seed: int, informed: float, scale: float, probabilities: bool
) -> None:
    """A useless or misleading member and scores of any size included; the new scores are probabilities."""
    scores, Y = planted(seed, informed, scale)
    if probabilities:
        scores.data = rank_of(-scores.data[None])[0].astype(np.float32) / scores.nnz  # 0 included
    model = tmp_path_factory.mktemp("one") / "model"
    data = TrainingData(Y=Y, validation=np.arange(DOCUMENTS), members={"a/x": scores})
    blend.fit(data, blend.Settings(blends=["a/x"]), model, False)
    found = blend.predict(model, TestData(members={"a/x": scores}), LISTED)
    ranked = np.take_along_axis(found.toarray(), rank_matrix(scores, LISTED), axis=1)
    assert (np.diff(ranked) <= 0.0).all(), "float32 makes nearly equal scores equal, and swaps none"
    assert found.dtype == np.float32 and found.data.min() > 0.0 and found.data.max() <= 1.0


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(1, 20))
def test_weights_sum_to_one_and_are_no_worse_than_the_best_member(seed: int, rounds: int) -> None:
    one, Y = planted(seed, 1.0)
    members = {name: calibrate(s, Y)(s) for name, s in {"a/x": planted(seed + 1, 0.0)[0], "b/x": one}.items()}
    weights = select_weights(members, Y, rounds)
    assert sum(weights.values()) == pytest.approx(1.0) and min(weights.values()) >= 0.0
    total = sparse.csr_matrix(sum((weights[name] * scores for name, scores in members.items()), start=0 * one))
    best = max(mean_precision(scores, Y) for scores in members.values())
    assert objective(precisions(total, Y)) == pytest.approx(mean_precision(total, Y))
    assert mean_precision(total, Y) >= best - 1e-6


@pytest.mark.parametrize("worthless", [planted(1, 0.0)[0], planted(1, -9.0)[0]], ids=["chance", "misleading"])
def test_a_worthless_member_gets_no_weight_and_equal_ones_not_both(worthless: sparse.csr_matrix) -> None:
    _, Y = planted(1, 0.0)
    right = sparse.csr_matrix(Y * 0.9)
    members = {"a/x": calibrate(worthless, Y)(worthless), "b/x": right, "c/x": right}
    assert select_weights(members, Y, 20) == {"a/x": 0.0, "b/x": 1.0, "c/x": 0.0}


def test_members_that_know_different_labels_are_better_together(tmp_path: Path) -> None:
    """Each member knows half of the labels, on scales of its own; the blend is better than both on other documents."""
    (trn, Y), (tst, Y_tst) = planted(3, 3.0), planted(4, 3.0)

    def halves(scores: sparse.csr_matrix) -> dict[str, sparse.csr_matrix]:
        left, right = scores.toarray(), 50.0 * scores.toarray()
        left[:, LABELS // 2 :], right[:, : LABELS // 2] = 0, 0
        return {"a/x": sparse.csr_matrix(left), "b/x": sparse.csr_matrix(right)}

    rows = np.arange(0, 2 * DOCUMENTS, 2)
    whole = sparse.csr_matrix(sparse.vstack([Y, Y]))[np.repeat(np.arange(DOCUMENTS), 2)]
    data = TrainingData(Y=whole, validation=rows, members=halves(trn))
    blend.fit(data, blend.Settings(blends=["b/x", "a/x"], seed=3), tmp_path / "model", False)
    found = blend.predict(tmp_path / "model", TestData(members=halves(tst)), LISTED)
    alone = [mean_precision(scores, Y_tst) for scores in halves(tst).values()]
    assert mean_precision(found, Y_tst) > max(alone) + 5
    fitted = read_blend(tmp_path / "model")
    assert [member.name for member in fitted.members] == ["b/x", "a/x"]
    assert (fitted.seed, fitted.documents, sum(member.weight for member in fitted.members)) == (3, DOCUMENTS, 1.0)
    (tmp_path / "model/blend.json").write_text('{"members": [{"name": "a/x"}]}')
    with pytest.raises(InputError, match=r"blend\.json does not describe a blend"):
        read_blend(tmp_path / "model")


def test_validation_documents_are_left_out_of_everything() -> None:
    """What is left are the other documents in their order, tokens included; without any to leave out it is refused."""
    Y = sparse.csr_matrix(np.eye(5, dtype=np.float32))
    tokens = TokenisedPart(np.arange(15, dtype=np.int32), np.array([0, 1, 3, 6, 10, 15]))
    data = TrainingData(Y=Y, X=2 * Y, tokens=tokens, validation=np.array([0, 3]))
    left = without_validation(data)
    assert left.tokens is not None and left.X is not None and len(left.validation) == 0
    assert np.array_equal(left.Y.toarray(), np.eye(5)[[1, 2, 4]]) and np.array_equal(
        left.X.toarray(), 2 * left.Y.toarray()
    )
    assert left.tokens.ids.tolist() == [1, 2, 3, 4, 5, 10, 11, 12, 13, 14]
    assert left.tokens.offsets.tolist() == [0, 2, 5, 10]
    assert len(tokens.take(np.empty(0, np.int64))) == 0
    with pytest.raises(InputError, match="set `validation` in the dataset's file"):
        without_validation(left)


def test_without_validation_documents_there_is_no_blend(tmp_path: Path) -> None:
    scores, Y = planted(0, 1.0)
    with pytest.raises(InputError, match="holds out none"):
        blend.fit(TrainingData(Y=Y, members={"a/x": scores}), blend.Settings(blends=["a/x"]), tmp_path / "m", False)
    assert not (tmp_path / "m").exists()
