from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score, precision_recall_fscore_support

from lightxml_core.errors import InputError
from lightxml_core.evaluation.averages import reciprocal_rank
from lightxml_core.evaluation.catalogue import KS, METRICS
from lightxml_core.evaluation.documents import standard_error
from lightxml_core.evaluation.evaluate import document_values, evaluate, evaluate_run
from lightxml_core.evaluation.metrics import (
    hits,
    inverse_propensities,
    precision,
    psndcg,
    psp,
    rank,
    rank_matrix,
    recall,
    top_k,
)

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
    """Every metric, computed by a loop over documents."""
    predicted, true, weight, _ = case
    total = dict.fromkeys(("P", "nDCG", "PSP", "best PSP", "PSnDCG", "best PSnDCG", "R"), 0.0)
    for row, relevant in zip(predicted, true, strict=True):
        best = sorted((weight[label] for label in relevant), reverse=True)[:k]
        ideal = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))
        for place, gain in enumerate(best, start=1):
            total["best PSP"] += gain
            total["best PSnDCG"] += gain / math.log2(place + 1) / ideal
        for place, label in enumerate(ranked(row)[:k], start=1):
            if label in relevant:
                total["P"] += 1 / k / len(true)
                total["nDCG"] += 1 / math.log2(place + 1) / ideal / len(true)
                total["PSP"] += weight[label]
                total["PSnDCG"] += weight[label] / math.log2(place + 1) / ideal
                total["R"] += 1 / len(relevant) / sum(bool(other) for other in true)
    total["PSP"] /= total.pop("best PSP")
    total["PSnDCG"] /= total.pop("best PSnDCG")
    return {f"{name}@{k}": 100 * value for name, value in total.items()}


@given(case=cases())
@settings(max_examples=150, deadline=None)
def test_metrics_agree_with_a_loop_over_documents(case: Case) -> None:
    predicted, true, weight, labels = case
    found = evaluate(csr(predicted, labels), true_matrix(true, labels), np.array(weight))
    expected = {key: value for k in (1, 3, 5) for key, value in slow_metrics(case, k).items()}
    assert found["accuracy"] == pytest.approx({**expected, "MRR": 100 * slow_reciprocal_rank(predicted, true)})
    averages = {key: value for k in (1, 3, 5) for key, value in slow_averages(case, k).items()}
    assert found["averages"] | found["coverage"] == pytest.approx(averages)
    shallow = rank(csr(predicted, labels), true_matrix(true, labels), 1)  # most first hits are beyond the ranking
    assert reciprocal_rank(shallow) == pytest.approx(slow_reciprocal_rank(predicted, true))


def slow_reciprocal_rank(predicted: list[dict[int, float]], true: list[set[int]]) -> float:
    total = 0.0
    for row, relevant in zip(predicted, true, strict=True):
        ranks = [place for place, label in enumerate(ranked(row), start=1) if label in relevant]
        total += 1 / ranks[0] if ranks else 0.0
    return total / len(true)


def slow_averages(case: Case, k: int) -> dict[str, float]:
    """Macro and micro averages and coverage from sets of pairs of a document and a label."""
    predicted, true, _, _ = case
    chosen = {(i, label) for i, row in enumerate(predicted) for label in ranked(row)[:k]}
    real = {(i, label) for i, row in enumerate(true) for label in row}
    per_label = []
    for label in {label for _, label in real}:
        own, sought = ({pair for pair in pairs if pair[1] == label} for pairs in (chosen, real))
        per_label.append(ratios(own, sought))
    macro = [sum(column) / len(per_label) for column in zip(*per_label, strict=True)]
    names = [f"{kind}-{name}@{k}" for kind in ("macro", "micro") for name in ("P", "R", "F1")]
    found = {label for _, label in chosen & real}
    return {
        **{name: 100 * value for name, value in zip(names, [*macro, *ratios(chosen, real)], strict=True)},
        f"coverage@{k}": 100 * len(found) / len({label for _, label in real}),
    }


def ratios(own: set[tuple[int, int]], sought: set[tuple[int, int]]) -> tuple[float, float, float]:
    both = len(own & sought)
    precision, recall = both / len(own) if own else 0.0, both / len(sought)
    return precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0


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


def test_metric_keys_are_in_the_order_of_the_tables() -> None:
    Y = sparse.csr_matrix(np.eye(2))
    found = evaluate(Y, Y, np.ones(2))
    assert list(found) == ["accuracy", "averages", "coverage"]
    assert list(found["accuracy"])[:4] == ["P@1", "P@3", "P@5", "PSP@1"]
    every = {name for metric in METRICS.values() for name in metric.names}
    assert {name for group in found.values() for name in group} == every
    flat = {name: value for group in found.values() for name, value in group.items()}
    assert flat == pytest.approx(dict.fromkeys(every, 100) | {"P@3": 100 / 3, "P@5": 20})


def test_propensity_scored_precision_by_hand() -> None:
    # labels 0 and 1 are worth 2 and 10; document 0 has both, document 1 has label 0, document 2 has none
    Y = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=np.float32))
    predictions = sparse.csr_matrix(np.array([[0.9, 0.5, 0.7], [0.1, 0.0, 0.2], [0.3, 0.0, 0.0]]))
    ranking = rank(predictions, Y, 2, np.array([2.0, 10.0, 5.0]))
    assert precision(ranking, 1) == pytest.approx(1 / 3)
    assert psp(ranking, 1) == pytest.approx(2 / (10 + 2))
    assert psp(ranking, 2) == pytest.approx((2 + 2) / (12 + 2))
    second = 1 / math.log2(3)
    ideal = 1 + second
    attained, best = 2 / ideal + 2 * second, (10 + 2 * second) / ideal + 2
    assert psndcg(ranking, 2) == pytest.approx(attained / best)
    assert recall(ranking, 1) == pytest.approx((0.5 + 0.0) / 2)  # the document without labels does not count


def test_a_stored_zero_is_not_a_true_label() -> None:
    predictions = csr([{0: 0.5}, {1: 0.5}], 2)
    Y = csr([{0: 0.0, 1: 1.0}, {1: 1.0}], 2)
    assert precision(rank(predictions, Y, 1), 1) == 0.5
    assert Y.nnz == 3  # the argument is not changed
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
    found = evaluate(sparse.csr_matrix(scores), sparse.csr_matrix(true), np.ones(30))["accuracy"]
    for k in (1, 3, 5):
        assert found[f"nDCG@{k}"] == pytest.approx(100 * ndcg_score(true, scores, k=k))


def test_averages_agree_with_scikit_learn() -> None:
    random = np.random.default_rng(5)
    scores, true = random.random((50, 30)), random.random((50, 30)) < 0.1
    true[:, 7] = False  # a label that the test set does not contain
    found = evaluate(sparse.csr_matrix(scores), sparse.csr_matrix(true, dtype=np.float32), np.ones(30))["averages"]
    there = np.flatnonzero(true.any(axis=0))
    for k, kind in product((1, 3, 5), ("macro", "micro")):
        chosen = scores >= -np.sort(-scores, axis=1)[:, k - 1 : k]
        labels = there if kind == "macro" else None
        expected = precision_recall_fscore_support(true, chosen, labels=labels, average=kind, zero_division=0)[:3]
        assert [found[f"{kind}-{name}@{k}"] for name in ("P", "R", "F1")] == pytest.approx([100 * x for x in expected])


def test_the_reciprocal_rank_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(6)
    scores, true = random.random((200, 40)), np.eye(40)[random.integers(0, 40, 200)]
    ranking = rank(sparse.csr_matrix(scores), sparse.csr_matrix(true), 3)
    assert reciprocal_rank(ranking) == pytest.approx(
        label_ranking_average_precision_score(true, scores)
    )  # one true label


def test_the_standard_error_is_of_the_mean_over_documents() -> None:
    predictions = sparse.csr_matrix(np.array([[0.9, 0.5, 0], [0.1, 0.3, 0], [0, 0, 0.3], [0.2, 0, 0]]))
    Y = sparse.csr_matrix(np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1], [1, 1, 0]]))  # hits at 1: 1, 0, 1, 1
    found = evaluate_run(predictions, Y, Y, 0.55, 1.5).metrics["standard_errors"]
    assert found["P@1"] == pytest.approx(100 * math.sqrt((3 * 0.25**2 + 0.75**2) / 3 / 4))
    assert found["P@3"] == pytest.approx(0)  # one hit in each document
    one = evaluate_run(predictions[:1], Y[:1], Y, 0.55, 1.5)
    assert set(one.metrics["standard_errors"].values()) == {None} and one.documents.shape[0] == 1


def test_a_metric_is_the_mean_of_what_documents_contribute() -> None:
    random = np.random.default_rng(8)
    scores, true, weight = random.random((60, 20)), random.random((60, 20)) < 0.1, 1 + 9 * random.random(20)
    assert not true.any(axis=1).all()  # recall counts only documents with labels
    ranking = rank(sparse.csr_matrix(scores), sparse.csr_matrix(true.astype(float)), max(KS), weight)
    found = evaluate(ranking.predictions, ranking.Y, weight)["accuracy"]
    assert {name: 100 * values.mean() for name, values in document_values(ranking)} == pytest.approx(found)


def test_the_error_of_a_ratio_agrees_with_a_bootstrap_over_documents() -> None:
    random = np.random.default_rng(9)
    true = sparse.csr_matrix((random.random((300, 20)) < 0.15).astype(float))
    scores = sparse.csr_matrix(random.random((300, 20)) + 0.3 * true.toarray())
    weight = 1 + 9 * random.random(20)
    rows = [random.integers(0, 300, 300) for _ in range(200)]
    means = [psp(rank(scores[chosen], true[chosen], max(KS), weight), 3) for chosen in rows]
    found = dict(document_values(rank(scores, true, max(KS), weight)))["PSP@3"]
    assert 100 * standard_error(found) == pytest.approx(100 * np.std(means), rel=0.2)


def test_a_perfect_ranking_scores_100_whatever_the_propensities() -> None:
    Y = sparse.csr_matrix(np.array([[1, 1, 1, 0], [0, 1, 0, 0]], dtype=np.float32))
    weight = np.array([3.0, 1.0, 7.0, 2.0])
    found = evaluate(Y.multiply(weight).tocsr(), Y, weight)["accuracy"]
    assert [found[f"{name}@5"] for name in ("nDCG", "PSP", "PSnDCG", "R")] == pytest.approx([100] * 4)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 1e300])
def test_scores_that_are_not_finite_are_refused(broken: float) -> None:
    Y = sparse.csr_matrix(np.eye(2))
    with pytest.raises(InputError, match="not a finite number"):
        rank(sparse.csr_matrix(np.array([[1.0, broken], [0.0, 1.0]])), Y, 1)


def test_inputs_that_cannot_be_evaluated_are_refused() -> None:
    Y = sparse.csr_matrix(np.eye(3, 2))
    with pytest.raises(InputError, match="2 x 3 but the label matrix is 3 x 2"):
        rank(sparse.csr_matrix((2, 3)), Y, 1)
    with pytest.raises(InputError, match="each of the 2 labels"):
        rank(Y, Y, 1, np.ones(3))
    with pytest.raises(InputError, match=r"^no document of the test set has a label"):
        rank(Y, sparse.csr_matrix((3, 2)), 1)
    with pytest.raises(InputError, match="1 or more"):
        rank(Y, Y, 0)
    with pytest.raises(InputError, match=r"^propensities need at least one training document"):
        inverse_propensities(sparse.csr_matrix((0, 2)), 0.55, 1.5)
