from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import ndcg_score

from lightxml_core.errors import InputError
from lightxml_core.evaluation.metrics import evaluate, hits, inverse_propensities, rank_matrix, top_k

Case = tuple[list[dict[int, float]], list[set[int]], list[float], int]
SCORES = st.sampled_from([-2.5, -1.0, -0.0, 0.0, 0.5, 1.0]) | st.floats(-1e3, 1e3, width=32)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    labels = draw(st.integers(1, 8))
    documents = draw(st.integers(1, 6))
    label = st.integers(0, labels - 1)
    predicted = [draw(st.dictionaries(label, SCORES, max_size=labels)) for _ in range(documents)]
    true = [draw(st.sets(label)) for _ in range(documents)]
    true[draw(st.integers(0, documents - 1))].add(draw(label))
    weights = draw(st.lists(st.floats(1.0, 50.0), min_size=labels, max_size=labels))
    return predicted, true, weights, labels


def csr(rows: list[dict[int, float]], labels: int) -> sparse.csr_matrix:
    """Keeps stored zeros and the order in which each row lists its labels."""
    indptr = np.cumsum([0] + [len(row) for row in rows])
    indices = [label for row in rows for label in row]
    data = np.array([score for row in rows for score in row.values()], dtype=np.float32)
    return sparse.csr_matrix((data, np.array(indices, dtype=np.int32), indptr), shape=(len(rows), labels))


def true_matrix(true: list[set[int]], labels: int) -> sparse.csr_matrix:
    return csr([dict.fromkeys(row, 1.0) for row in true], labels)


def ranked(row: dict[int, float]) -> list[int]:
    return sorted(row, key=lambda label: (-np.float32(row[label]), label))


def slow_metrics(case: Case, k: int) -> dict[str, float]:
    """Every metric with sums over one document after the other."""
    predicted, true, weight, _ = case
    total = dict.fromkeys(("P", "nDCG", "PSP", "best PSP", "PSnDCG", "best PSnDCG", "R"), 0.0)
    for row, relevant in zip(predicted, true, strict=True):
        best = sorted((weight[label] for label in relevant), reverse=True)[:k]
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
        for rank, gain in enumerate(best, start=1):
            total["best PSP"] += gain
            total["best PSnDCG"] += gain / math.log2(rank + 1) / ideal
        for rank, label in enumerate(ranked(row)[:k], start=1):
            if label in relevant:
                total["P"] += 1 / k / len(true)
                total["nDCG"] += 1 / math.log2(rank + 1) / ideal / len(true)
                total["PSP"] += weight[label]
                total["PSnDCG"] += weight[label] / math.log2(rank + 1) / ideal
                total["R"] += 1 / len(relevant) / sum(bool(other) for other in true)
    total["PSP"] /= total.pop("best PSP")
    total["PSnDCG"] /= total.pop("best PSnDCG")
    return {f"{name}@{k}": 100 * value for name, value in total.items()}


@given(case=cases())
@settings(max_examples=150, deadline=None)
def test_metrics_agree_with_a_loop_over_documents(case: Case) -> None:
    predicted, true, weight, labels = case
    found = evaluate(csr(predicted, labels), true_matrix(true, labels), np.array(weight), ks=(5, 1, 3))
    expected = {key: value for k in (1, 3, 5) for key, value in slow_metrics(case, k).items()}
    assert found == pytest.approx(expected)


@given(case=cases(), k=st.integers(1, 10))
@settings(max_examples=100, deadline=None)
def test_ranks_top_k_and_hits_agree_with_sorting_each_row(case: Case, k: int) -> None:
    predicted, true, _, labels = case
    matrix = csr(predicted, labels)
    expected = [(ranked(row) + [-1] * k)[:k] for row in predicted]
    ranks = rank_matrix(matrix, k)
    assert ranks.tolist() == expected
    best = top_k(matrix, k)
    assert best.dtype == np.float32 and best.has_canonical_format
    for row, kept in enumerate(expected):
        stored = dict(zip(best[row].indices.tolist(), best[row].data.tolist(), strict=True))
        assert stored == {label: float(np.float32(predicted[row][label])) for label in kept if label >= 0}
    relevant = [[label in true[row] for label in kept] for row, kept in enumerate(expected)]
    assert hits(ranks, true_matrix(true, labels)).tolist() == relevant


def test_keys_are_of_several_names_in_the_order_of_tables() -> None:
    Y = sparse.csr_matrix(np.eye(2))
    assert list(evaluate(Y, Y, np.ones(2), ks=(1, 3)))[:3] == ["P@1", "P@3", "nDCG@1"]
    assert evaluate(Y, Y, np.ones(2), ks=(1, 3)) == pytest.approx(
        {"P@1": 100, "P@3": 100 / 3} | {f"{m}@{k}": 100 for m in ("nDCG", "PSP", "PSnDCG", "R") for k in (1, 3)}
    )


def test_propensity_scored_precision_by_hand() -> None:
    # labels 0 and 1 are worth 2 and 10; document 0 has both, document 1 has label 0, document 2 has none
    Y = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=np.float32))
    predictions = sparse.csr_matrix(np.array([[0.9, 0.5, 0.7], [0.1, 0.0, 0.2], [0.3, 0.0, 0.0]]))
    found = evaluate(predictions, Y, np.array([2.0, 10.0, 5.0]), ks=(1, 2))
    assert found["P@1"] == pytest.approx(100 / 3)
    assert found["PSP@1"] == pytest.approx(100 * 2 / (10 + 2))
    assert found["PSP@2"] == pytest.approx(100 * (2 + 2) / (12 + 2))
    second = 1 / math.log2(3)
    ideal = 1 + second
    attained, best = 2 / ideal + 2 * second, (10 + 2 * second) / ideal + 2
    assert found["PSnDCG@2"] == pytest.approx(100 * attained / best)
    assert found["R@1"] == pytest.approx(100 * (0.5 + 0.0) / 2)  # the document without labels does not count


def test_a_stored_zero_is_no_true_label() -> None:
    predictions = csr([{0: 0.5}, {1: 0.5}], 2)
    Y = csr([{0: 0.0, 1: 1.0}, {1: 1.0}], 2)
    assert evaluate(predictions, Y, np.ones(2), ks=(1,))["P@1"] == 50
    assert Y.nnz == 3  # the argument stays as it was
    equal = (inverse_propensities(matrix, 0.55, 1.5).tolist() for matrix in (Y, csr([{1: 1.0}, {1: 1.0}], 2)))
    assert next(equal) == next(equal)


def test_inverse_propensities_by_hand() -> None:
    Y = sparse.csr_matrix(np.array([[1, 0, 1]] * 4 + [[1, 0, 0]] * 16, dtype=np.float32))
    scale = (math.log(20) - 1) * 2.5**0.55
    expected = [1 + scale * (n + 1.5) ** -0.55 for n in (20, 0, 4)]
    assert inverse_propensities(Y, 0.55, 1.5) == pytest.approx(expected)
    unseen = sparse.csr_matrix((Y.data, Y.indices, Y.indptr), shape=(20, 4))  # the last label has no document
    assert inverse_propensities(unseen, 0.55, 1.5) == pytest.approx([*expected, expected[1]])


def test_nothing_to_rank_gives_empty_ranks() -> None:
    some, none = sparse.csr_matrix(np.eye(2, 3)), sparse.csr_matrix((0, 3))
    assert rank_matrix(none, 2).shape == (0, 2) and rank_matrix(some, 0).shape == (2, 0)
    assert top_k(none, 2).shape == (0, 3) and top_k(some, 0).nnz == 0
    assert top_k(sparse.csr_matrix((2, 0)), 2).shape == (2, 0)


def test_ndcg_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(3)
    scores = random.permuted(np.tile(np.arange(1.0, 31.0), (40, 1)), axis=1)  # no ties: scikit-learn averages them
    true = (random.random(scores.shape) < 0.2).astype(np.float32)
    found = evaluate(sparse.csr_matrix(scores), sparse.csr_matrix(true), np.ones(30))
    for k in (1, 3, 5):
        assert found[f"nDCG@{k}"] == pytest.approx(100 * ndcg_score(true, scores, k=k))


def test_a_perfect_ranking_scores_100_whatever_the_propensities() -> None:
    Y = sparse.csr_matrix(np.array([[1, 1, 1, 0], [0, 1, 0, 0]], dtype=np.float32))
    weight = np.array([3.0, 1.0, 7.0, 2.0])
    found = evaluate(Y.multiply(weight).tocsr(), Y, weight)
    assert [found[f"{name}@5"] for name in ("nDCG", "PSP", "PSnDCG", "R")] == pytest.approx([100] * 4)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 1e300])
def test_scores_that_are_not_finite_are_refused(broken: float) -> None:
    Y = sparse.csr_matrix(np.eye(2))
    with pytest.raises(InputError, match="not a finite number"):
        evaluate(sparse.csr_matrix(np.array([[1.0, broken], [0.0, 1.0]])), Y, np.ones(2))


def test_what_cannot_be_evaluated_is_refused() -> None:
    Y = sparse.csr_matrix(np.eye(3, 2))
    with pytest.raises(InputError, match="2 x 3 but the label matrix is 3 x 2"):
        evaluate(sparse.csr_matrix((2, 3)), Y, np.ones(2))
    with pytest.raises(InputError, match="each of the 2 labels"):
        evaluate(Y, Y, np.ones(3))
    with pytest.raises(InputError, match=r"^no document of the test set has a label"):
        evaluate(Y, sparse.csr_matrix((3, 2)), np.ones(2))
    with pytest.raises(InputError, match="1 or more"):
        evaluate(Y, Y, np.ones(2), ks=(0, 1))
    with pytest.raises(InputError, match=r"^propensities need at least one training document"):
        inverse_propensities(sparse.csr_matrix((0, 2)), 0.55, 1.5)
