from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.evaluation import ensemble as module
from lightxml_core.evaluation.ensemble import ensemble

LABELS = 6
Member = list[dict[int, float]]
SCORES = st.sampled_from([0.125, 0.25, 0.5, 0.75, 1.0])


@st.composite
def members(draw: st.DrawFn) -> list[Member]:
    row = st.dictionaries(st.integers(0, LABELS - 1), SCORES)
    documents = draw(st.integers(1, 4))
    member = st.lists(row, min_size=documents, max_size=documents)
    return draw(st.lists(member, min_size=1, max_size=4))


def csr(member: Member) -> sparse.csr_matrix:
    dense = np.zeros((len(member), LABELS), dtype=np.float32)
    for number, row in enumerate(member):
        for label, score in row.items():
            dense[number, label] = score
    return sparse.csr_matrix(dense)


def best(row: dict[int, float], top: int) -> list[int]:
    return sorted(row, key=lambda label: (-row[label], label))[:top]


def slow_ensemble(parts: list[Member], how: str, top: int) -> Member:
    combined, longest = [], min(top, max([1, *(len(row) for part in parts for row in part)]))
    for rows in zip(*parts, strict=True):
        if how == "round-robin":
            orders = [best(row, top) for row in rows]
            turns = [order[place] for place in range(top) for order in orders if place < len(order)]
            first = list(dict.fromkeys(turns))[:top]
            places = {
                label: min(o.index(label) * len(rows) + m for m, o in enumerate(orders) if label in o)
                for label in first
            }
            combined.append({label: float(longest * len(rows) - place) for label, place in places.items()})
            continue
        if how == "rank":
            rows = tuple({label: longest - place for place, label in enumerate(best(row, top))} for row in rows)
        total = {label: sum(row.get(label, 0.0) for row in rows) for row in rows for label in row}
        if how != "sum":
            total = {label: np.float32(score / len(rows)) for label, score in total.items()}
        combined.append({label: float(total[label]) for label in best(total, top)})
    return combined


@given(
    parts=members(),
    how=st.sampled_from(["mean", "sum", "rank", "round-robin"]),
    top=st.integers(1, 7),
    block=st.integers(1, 3),
)
@settings(max_examples=150, deadline=None)
def test_ensemble_agrees_with_dictionaries(parts: list[Member], how: module.How, top: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_DOCUMENTS_AT_ONCE", block)
        found = ensemble([csr(part) for part in parts], how, top)
    assert found.dtype == np.float32
    expected = csr(slow_ensemble(parts, how, top))
    assert found.nnz == expected.nnz
    np.testing.assert_array_equal(found.toarray(), expected.toarray())


def test_by_hand() -> None:
    a = csr([{0: 0.75, 1: 0.5, 2: 0.25}])
    b = csr([{2: 1.0, 3: 0.5}])
    assert ensemble([a, b], "mean", 3).toarray().tolist() == [[0.375, 0.25, 0.625, 0, 0, 0]]  # 1 and 3 tie
    assert ensemble([a, b], "sum", 3).toarray().tolist() == [[0.75, 0.5, 1.25, 0, 0, 0]]
    assert ensemble([a, b], "rank", 3).toarray().tolist() == [[1.5, 1.0, 2.0, 0, 0, 0]]


def test_ranks_ignore_the_scale_of_scores_which_may_be_negative() -> None:
    a = csr([{0: 9.0, 1: 8.0}, {}])
    b = sparse.csr_matrix(np.array([[-2.0, -1.0, -3.0, 0, 0, 0], [0] * 6], dtype=np.float32))
    assert ensemble([a, b], "rank", 4).toarray()[0].tolist() == [2.5, 2.5, 0.5, 0, 0, 0]  # the longer list has three
    weighed: tuple[module.How, ...] = ("mean", "sum")
    for how in weighed:
        with pytest.raises(InputError, match="member 1 of the ensemble has scores below 0"):
            ensemble([a, b], how)


def test_a_stored_score_of_zero_counts() -> None:
    explicit = sparse.csr_matrix((np.zeros(1, np.float32), [2], [0, 1]), shape=(1, LABELS))
    assert ensemble([explicit], "sum").indices.tolist() == [2]


def test_a_hundred_labels_are_kept_by_default() -> None:
    assert ensemble([sparse.csr_matrix(np.ones((1, 101), np.float32))], "mean").nnz == 100


def test_missing_members_other_shapes_and_unknown_ways_are_refused() -> None:
    with pytest.raises(InputError, match=r"^an ensemble needs at least one member"):
        ensemble([], "mean")
    with pytest.raises(InputError, match=r"member 1 of the ensemble is \(2, 6\), member 0 is \(1, 6\)"):
        ensemble([csr([{}]), csr([{}, {}])], "mean")
    with pytest.raises(InputError, match="by mean, sum, rank, round-robin, not by 'vote'"):
        ensemble([csr([{}])], "vote")  # type: ignore[arg-type]


def test_an_example_by_hand_with_ties() -> None:
    first, second = [{0: 0.5, 1: 0.5, 2: 0.25}], [{2: 1.0, 3: 0.75, 1: 0.125}]  # 0 before 1: the lower label
    parts = [csr(first), csr(second)]
    by_rank = ensemble(parts, "rank", 3)  # ranks: 0: 1, 1: 2 and 3, 2: 3 and 1, 3: 2; top + 1 - rank, halved
    assert dict(zip(by_rank.indices.tolist(), by_rank.data.tolist(), strict=True)) == {2: 2.0, 0: 1.5, 1: 1.5}
    turns = ensemble(parts, "round-robin", 4)
    assert [int(label) for label in np.argsort(-turns.toarray()[0], kind="stable")[:4]] == [0, 2, 1, 3]


def test_documents_are_combined_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    members = [sparse.csr_matrix(random.random((9, LABELS)).astype(np.float32)) for _ in range(2)]
    whole = {how: ensemble(members, how, 3).toarray() for how in ("mean", "sum", "rank", "round-robin")}
    monkeypatch.setattr(module, "_DOCUMENTS_AT_ONCE", 2)
    for how, expected in whole.items():
        np.testing.assert_array_equal(ensemble(members, how, 3).toarray(), expected)
