"""The two heads against slow code for the paper's equations: one document at a time, with Python sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import sparse
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lightxml_core.methods.lightxml import heads
from lightxml_core.methods.lightxml.blocks import Zeros, cut
from lightxml_core.methods.lightxml.heads import ClusteredHead, Padding, Stage
from lightxml_core.methods.lightxml.settings import TableUpdates
from lightxml_core.methods.transformer import every_label
from lightxml_core.methods.transformer.heads import FlatHead
from lightxml_core.methods.transformer.losses import Loss, log_odds
from lightxml_core.methods.transformer.selection import best
from lightxml_core.training.optimisers import adamw, adamw_and, set_rates

WIDTH, BOTTLENECK = 6, 4
Reduction = Literal["mean", "sum"]
REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum")


@dataclass(frozen=True)
class Problem:
    """A batch: float[B, WIDTH] features, the cluster of each label, each document's set of labels, K."""

    features: Tensor
    cluster: list[int]
    count: int
    truth: list[set[int]]
    kept: int
    label_bias: bool

    @property
    def clusters(self) -> sparse.csr_matrix:
        rows = np.arange(len(self.cluster))
        return sparse.csr_matrix((np.ones(len(rows)), (rows, self.cluster)), shape=(len(rows), self.count))

    @property
    def positives(self) -> tuple[Tensor, Tensor]:
        pairs = [(row, label) for row, labels in enumerate(self.truth) for label in sorted(labels)]
        return torch.tensor([row for row, _ in pairs]).long(), torch.tensor([label for _, label in pairs]).long()

    def head(self, reduction: Reduction, sampled: bool = True, updates: TableUpdates = "dense") -> ClusteredHead:
        chosen = (reduction, self.label_bias, sampled, updates)
        head = ClusteredHead(WIDTH, self.clusters, BOTTLENECK, self.kept, *chosen)
        if self.label_bias:
            assert head.bias is not None
            torch.nn.init.normal_(head.bias)
        return head

    def positive_clusters(self, row: int) -> set[int]:
        return {self.cluster[label] for label in self.truth[row]}


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Clusters of any size (some empty), documents with no label, a few, or labels in more than K clusters."""
    torch.manual_seed(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 6))
    cluster = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=14))
    label_set = st.sets(st.integers(0, len(cluster) - 1), max_size=6)
    truth = draw(st.lists(label_set, min_size=1, max_size=4))
    features = torch.randn(len(truth), WIDTH, requires_grad=True)
    return Problem(features, cluster, count, truth, draw(st.integers(1, 7)), draw(st.booleans()))


def proposed_clusters(problem: Problem, row: int, recall: Tensor, training: bool) -> set[int]:
    """The K best by sigmoid score, plus 1 for positive ones in training; ties go to the lower cluster."""
    bonus = problem.positive_clusters(row) if training else set()
    score = {c: float(recall[row, c].sigmoid() + (c in bonus)) for c in range(problem.count)}
    return set(sorted(score, key=lambda c: (-score[c], c))[: problem.kept])


def static_clusters(problem: Problem, row: int, fixed: list[int]) -> set[int]:
    """Up to K clusters: positive ones first, then the row's fixed ones in order, then the others by number."""
    positive = problem.positive_clusters(row)
    order = [c for c in fixed if c in positive] + sorted(positive - set(fixed))
    order += [c for c in fixed if c not in positive]
    return set((order + [c for c in range(problem.count) if c not in order])[: problem.kept])


def embedding(head: ClusteredHead, label: int) -> tuple[Tensor, Tensor]:
    """The label's row of the table and its bias; the head stores them by cluster."""
    slot = head.label_of_slot.tolist().index(label)
    return head.table[slot], torch.zeros(()) if head.bias is None else head.bias[slot]


def rank_logit(head: ClusteredHead, features: Tensor, label: int) -> Tensor:
    table, bias = embedding(head, label)
    return table @ (head.project.weight @ features + head.project.bias) + bias


def slow_loss(
    head: ClusteredHead, problem: Problem, reduction: Reduction, chosen_of: Callable[[int, Tensor], set[int]]
) -> Loss:
    """chosen_of(row, recall logits): the clusters whose labels are the row's candidates."""
    recall = head.recall(problem.features)
    logits, targets, recall_targets = [], [], torch.zeros_like(recall)
    for row, truth in enumerate(problem.truth):
        for c in problem.positive_clusters(row):
            recall_targets[row, c] = 1.0
        chosen = chosen_of(row, recall.detach())
        candidates = {label for label, c in enumerate(problem.cluster) if c in chosen}
        if len(problem.positive_clusters(row)) <= problem.kept:
            assert truth <= candidates
        for label in candidates:
            logits.append(rank_logit(head, problem.features[row], label))
            targets.append(float(label in truth))
    documents = len(problem.truth)
    ranked = torch.stack(logits) if logits else torch.zeros(0)
    rank_loss = binary_cross_entropy_with_logits(ranked, torch.tensor(targets), reduction=reduction)
    recall_loss = binary_cross_entropy_with_logits(recall, recall_targets, reduction=reduction)
    if reduction == "sum":
        rank_loss, recall_loss = rank_loss / documents, recall_loss / documents
    return Loss(rank_loss + recall_loss, {"recall_loss": recall_loss, "rank_loss": rank_loss})


def gradients(loss: Loss, head: torch.nn.Module, features: Tensor) -> dict[str, Tensor]:
    wanted = {name: value for name, value in head.named_parameters() if value.requires_grad} | {"features": features}
    found = torch.autograd.grad(loss.total, list(wanted.values()), allow_unused=True, retain_graph=True)
    both = zip(wanted.items(), found, strict=True)
    return {name: torch.zeros_like(value) if grad is None else grad for (name, value), grad in both}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


@given(problem=problems(), reduction=st.sampled_from(REDUCTIONS))
@settings(max_examples=120, deadline=None)
def test_the_clustered_loss_and_gradients_follow_the_equations(problem: Problem, reduction: Reduction) -> None:
    head = problem.head(reduction)
    found = head.loss(problem.features, *problem.positives)
    expected = slow_loss(head, problem, reduction, lambda row, recall: proposed_clusters(problem, row, recall, True))
    assume(
        torch.isfinite(expected.total)
    )  # not finite if every proposed cluster is empty, so that there are no candidates
    assert_same(found.parts, expected.parts)
    assert_same({"total": found.total}, {"total": expected.total})
    by_name = gradients(found, head, problem.features)
    assert ("bias" in by_name) is problem.label_bias
    assert_same(by_name, gradients(expected, head, problem.features))


def padded_loss(head: ClusteredHead, problem: Problem) -> Tensor:
    """The mean over lists of candidates that are padded with their last entry to the length of the longest."""
    recall = head.recall(problem.features).detach().sigmoid()
    clusters = torch.tensor([problem.cluster[label] for label in problem.positives[1].tolist()]).long()
    proposed = head.propose(recall, (problem.positives[0], clusters)).tolist()
    lists = [[label for c in row for label, own in enumerate(problem.cluster) if own == c] for row in proposed]
    longest = max(map(len, lists))
    lists = [labels + labels[-1:] * (longest - len(labels)) for labels in lists]
    pairs = [(row, label) for row, labels in enumerate(lists) for label in labels]
    logits = torch.stack([rank_logit(head, problem.features[row], label) for row, label in pairs])
    targets = torch.tensor([float(label in problem.truth[row]) for row, label in pairs])
    return binary_cross_entropy_with_logits(logits, targets)


@given(problem=problems())
@settings(max_examples=80, deadline=None)
def test_edge_padding_repeats_the_last_candidate(problem: Problem) -> None:
    """Up to the length of the longest list."""
    assume(len(set(problem.cluster)) == problem.count)  # an empty cluster may leave a document without candidates
    head = problem.head("mean")
    head.padding = "edge"
    found = head.loss(problem.features, *problem.positives)
    recall_loss, rank_loss = found.parts["recall_loss"], padded_loss(head, problem)
    assert_same({"rank_loss": found.parts["rank_loss"]}, {"rank_loss": rank_loss})
    expected = Loss(recall_loss + rank_loss, {})
    assert_same(gradients(found, head, problem.features), gradients(expected, head, problem.features))


@given(problem=problems(), reduction=st.sampled_from(REDUCTIONS), seed=st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_static_negatives_are_fixed_clusters_after_positives(problem: Problem, reduction: Reduction, seed: int) -> None:
    head, random = problem.head(reduction), np.random.default_rng(seed)
    fixed = np.stack([random.permutation(problem.count)[: head.kept] for _ in problem.truth])
    found = head.loss(problem.features, *problem.positives, fixed=torch.from_numpy(fixed))
    expected = slow_loss(head, problem, reduction, lambda row, _: static_clusters(problem, row, fixed[row].tolist()))
    assume(torch.isfinite(expected.total))
    assert_same(found.parts, expected.parts)
    assert_same(gradients(found, head, problem.features), gradients(expected, head, problem.features))


@given(problem=problems(), reduction=st.sampled_from(REDUCTIONS), at_once=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_without_sampling_every_label_is_a_candidate(problem: Problem, reduction: Reduction, at_once: int) -> None:
    head = problem.head(reduction, sampled=False)
    with patch.object(every_label, "AT_ONCE", at_once):
        found = head.loss(problem.features, *problem.positives)
    whole = replace(problem, kept=problem.count)
    expected = slow_loss(head, whole, reduction, lambda row, _: set(range(problem.count)))
    assert_same(found.parts, expected.parts)
    assert_same(gradients(found, head, problem.features), gradients(expected, head, problem.features))


@given(problem=problems())
@settings(max_examples=40, deadline=None)
def test_in_two_steps_each_head_is_trained_alone(problem: Problem) -> None:
    """The second step does not change the encoder."""
    head = problem.head("sum")
    joint = head.loss(problem.features, *problem.positives).parts
    own: dict[Stage, set[str]] = {"recall": {"recall", "features"}, "rank": {"project", "table", "bias"}}
    for stage, learning in own.items():
        found = head.loss(problem.features, *problem.positives, stage=stage)
        assert_same(found.parts, {f"{stage}_loss": joint[f"{stage}_loss"]})
        moved = {name for name, grad in gradients(found, head, problem.features).items() if bool(grad.any())}
        assert {name.split(".")[0] for name in moved} <= learning


@given(problem=problems(), reduction=st.sampled_from(REDUCTIONS), at_once=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_the_flat_loss_and_gradients_are_over_all_labels(problem: Problem, reduction: Reduction, at_once: int) -> None:
    head = FlatHead(WIDTH, len(problem.cluster), reduction)
    with patch.object(every_label, "AT_ONCE", at_once):
        found = head.loss(problem.features, *problem.positives)
    logits = problem.features @ head.classifier.weight.T + head.classifier.bias
    targets = torch.tensor([[float(label in truth) for label in range(head.labels)] for truth in problem.truth])
    slow = binary_cross_entropy_with_logits(logits, targets, reduction=reduction)
    slow = slow / len(problem.truth) if reduction == "sum" else slow
    expected = Loss(slow, {"loss": slow})
    assert_same(found.parts, expected.parts)
    assert_same(gradients(found, head, problem.features), gradients(expected, head, problem.features))


@given(problem=problems(), reduction=st.sampled_from(REDUCTIONS), at_once=st.integers(1, 40), parts=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_an_update_in_place_is_a_step_of_plain_sgd(
    problem: Problem, reduction: Reduction, at_once: int, parts: int
) -> None:
    """However many micro-batches it has. What an interrupted pass left counts for nothing."""
    head, rate = FlatHead(WIDTH, len(problem.cluster), reduction, table_lr=0.3), 0.7
    plain = FlatHead(WIDTH, len(problem.cluster), reduction)
    plain.load_state_dict(head.state_dict())
    assert head.in_place is not None and not any(p.requires_grad for p in head.parameters())
    optimizer = adamw_and(head.in_place, [{"params": [problem.features], "lr": 0.1}])
    rows, labels = problem.positives
    with patch.object(every_label, "AT_ONCE", at_once):
        (3.0 * head.loss(problem.features, rows, labels).total).backward()
        optimizer.zero_grad()
        for some in np.array_split(np.arange(len(problem.truth)), min(parts, len(problem.truth))):
            own = (rows >= some[0]) & (rows <= some[-1])
            batch = (problem.features[torch.from_numpy(some)], rows[own] - some[0], labels[own])
            share = len(some) / len(problem.truth)
            (share * (head.loss(*batch).total + plain.loss(*batch).total)).backward()
        set_rates(optimizer, rate)
        optimizer.step()
    for moved, slow in zip(head.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(moved, slow - rate * 0.3 * slow.grad)


class Largest(TorchDispatchMode):
    """Notes the largest tensor that is made."""

    values = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        self.values = max([self.values, *(each.numel() for each in tree_leaves(made) if isinstance(each, Tensor))])
        return made


@pytest.mark.parametrize("lr", [None, 0.1], ids=["dense", "in-place"])
def test_no_array_has_an_entry_per_document_and_label(lr: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    documents, labels = 64, 5_000
    monkeypatch.setattr(every_label, "AT_ONCE", 4_096)
    head = FlatHead(WIDTH, labels, "sum", lr)
    features = torch.randn(documents, WIDTH, requires_grad=True)
    positives = torch.arange(documents), torch.randint(0, labels, (documents,))
    optimizer = adamw_and(head.in_place, [{"params": [features, *head.parameters()], "lr": 0.1}])
    with Largest() as largest:
        head.loss(features, *positives).total.backward()
        optimizer.step()
    assert largest.values <= WIDTH * labels < documents * labels


def test_the_flat_squared_hinge_averages_documents_and_labels() -> None:
    torch.manual_seed(0)
    head, features = FlatHead(WIDTH, 5, "hinge"), torch.randn(3, WIDTH)
    positive = torch.tensor([[1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    logits = features @ head.classifier.weight.T + head.classifier.bias
    pairs = zip((2 * positive - 1).flatten().tolist(), logits.flatten().tolist(), strict=True)
    expected = sum(max(0.0, 1 - side * value) ** 2 for side, value in pairs) / 15
    rows, labels = positive.nonzero(as_tuple=True)
    assert head.loss(features, rows, labels).total.item() == pytest.approx(expected, rel=1e-5)


def best_first(scores: dict[int, float], k: int) -> list[int]:
    return sorted(scores, key=lambda label: (-scores[label], label))[:k]


def assert_top(found: tuple[Tensor, Tensor], row: int, scores: dict[int, float], k: int) -> None:
    """The row's real entries are the k best of `scores`, in order; other entries have a score below 0."""
    real = found[0][row] >= 0
    labels = found[1][row][real].tolist()
    assert len(set(labels)) == len(labels) == min(k, len(scores))
    own = [scores[label] for label in labels]
    assert found[0][row][real].tolist() == pytest.approx(own, abs=1e-5)
    assert own == pytest.approx([scores[label] for label in best_first(scores, k)], abs=1e-5)


@given(problem=problems(), k=st.integers(1, 15))
@settings(max_examples=100, deadline=None)
def test_the_clustered_head_ranks_by_the_product(problem: Problem, k: int) -> None:
    """The product of the scores of a proposed cluster and of the label."""
    head = problem.head("mean")
    with torch.no_grad():
        found = head.top(problem.features, k)
        recall = head.recall(problem.features)
        for row in range(len(problem.truth)):
            chosen = proposed_clusters(problem, row, recall, training=False)
            scores = {
                label: float(rank_logit(head, problem.features[row], label).sigmoid() * recall[row, c].sigmoid())
                for label, c in enumerate(problem.cluster)
                if c in chosen
            }
            assert_top(found, row, scores, k)


@given(problem=problems())
@settings(max_examples=80, deadline=None)
def test_each_way_to_score_the_candidates_gives_the_same(problem: Problem) -> None:
    """Logits and gradients: of every label, block by block, from copied rows."""
    head = problem.head("sum")
    proposed = head.propose(head.recall(problem.features).detach().sigmoid())
    found = []
    for whole, limit, head.row_sparse in ((99, 0, False), (0, 0, False), (0, 99, False), (0, 0, True), (0, 99, True)):
        head.table.requires_grad_(not head.row_sparse)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(heads, "_SCORED_WHOLE", whole)
            patch.setattr(heads, "_GATHERED", limit << 20)
            logits, real = head.rank(problem.features, proposed)
            loss = head.loss(problem.features, *problem.positives)
        found.append({"logits": logits[real], **gradients(loss, head, problem.features)})
        if head.row_sparse:
            found[-1]["table"] = gradient_of_blocks(head, loss, problem)
    for other in found[1:]:
        assert_same(found[0], other)


def gradient_of_blocks(head: ClusteredHead, loss: Loss, problem: Problem) -> Tensor:
    """The gradient of the whole table; only the proposed blocks have one."""
    blocks = torch.autograd.grad(loss.total, head.blocks(), allow_unused=True)
    recall = head.recall(problem.features).detach()
    rows = range(len(problem.truth))
    touched = set().union(*(proposed_clusters(problem, row, recall, training=True) for row in rows))
    assert {c for c, gradient in enumerate(blocks) if gradient is not None} == touched
    both = zip(head.blocks(), blocks, strict=True)
    return torch.cat([torch.zeros_like(b) if g is None else g for b, g in both])


def test_learning_by_blocks_is_adamw_on_the_proposed_clusters() -> None:
    """Clusters that are not proposed keep their weights."""
    torch.manual_seed(3)
    problem = Problem(torch.randn(2, WIDTH), [2, 1, 1, 0, 2, 0, 3], 4, [{0, 3}, {3}], 4, True)
    whole, by_block = problem.head("sum"), problem.head("sum", updates="row-sparse")
    by_block.load_state_dict(whole.state_dict())
    optimisers = {head: adamw([{"params": learnt(head), "lr": 0.1, "weight_decay": 0.1}]) for head in (whole, by_block)}

    def step(head: ClusteredHead) -> None:
        head.loss(problem.features, *problem.positives).total.backward()
        optimisers[head].step()
        optimisers[head].zero_grad()

    for _ in range(3):
        step(whole)
        step(by_block)
    torch.testing.assert_close(by_block.table, whole.table)
    before, by_block.kept = by_block.table.clone(), 2
    recall = by_block.recall(problem.features).detach()
    touched = set().union(*(proposed_clusters(replace(problem, kept=2), row, recall, True) for row in (0, 1)))
    step(by_block)
    moved = (by_block.table != before).any(dim=1)
    assert moved.tolist() == [int(cluster) in touched for cluster in by_block.cluster_of_slot] and not moved.all()


def test_a_gradient_reuses_memory_only_if_it_is_unused() -> None:
    table, zeros = torch.nn.Parameter(torch.ones(9, 2)), Zeros()

    def learn(first: int) -> Tensor:
        cut(table, [first], [2], zeros)[0].sum().backward()
        assert table.grad is not None
        return table.grad

    once = learn(0)
    memory = once.data_ptr()
    assert once.sum(1).tolist() == [2, 2, 0, 0, 0, 0, 0, 0, 0]
    twice = learn(4)  # a second micro-batch is added to the first
    assert twice is once and twice.sum(1).tolist() == [2, 2, 0, 0, 2, 2, 0, 0, 0]
    table.grad, part = None, once.detach()[:4]
    del once, twice
    assert learn(2).data_ptr() != memory and part.sum(1).tolist() == [2, 2, 0, 0]
    table.grad = None
    del part
    again = learn(6)
    assert again.data_ptr() == memory and again.sum(1).tolist() == [0, 0, 0, 0, 0, 0, 2, 2, 0]


def learnt(head: ClusteredHead) -> list[torch.nn.Parameter]:
    return [*(parameter for parameter in head.parameters() if parameter.requires_grad), *head.blocks()]


@given(problem=problems(), k=st.integers(1, 15))
@settings(max_examples=40, deadline=None)
def test_the_flat_head_ranks_all_labels(problem: Problem, k: int) -> None:
    head = FlatHead(WIDTH, len(problem.cluster), "mean")
    with torch.no_grad():
        found = head.top(problem.features, k)
        scores = (problem.features @ head.classifier.weight.T + head.classifier.bias).sigmoid()
        for row in range(len(problem.truth)):
            assert_top(found, row, dict(enumerate(scores[row].tolist())), k)


def test_ties_are_broken_by_label_whatever_the_cluster() -> None:
    # label 0 is in the last cluster, label 5 in the first: their order in the table is reversed
    problem = Problem(torch.ones(1, WIDTH), [2, 1, 1, 0, 2, 0], 3, [set()], 3, True)
    flat, clustered = FlatHead(WIDTH, 6, "mean"), problem.head("mean")
    for head in (flat, clustered):
        for parameter in head.parameters():
            torch.nn.init.zeros_(parameter)
        assert head.top(problem.features, 4)[1].tolist() == [[0, 1, 2, 3]]
    assert clustered.bias is not None
    clustered.bias.data[int(clustered.slot_of_label[4])] = 1.0
    assert clustered.top(problem.features, 4)[1].tolist() == [[4, 0, 1, 2]]


def candidates(head: ClusteredHead, features: Tensor, positives: tuple[Tensor, Tensor]) -> list[set[int]]:
    """The labels that the rank head scores for each document in training, given its positive clusters."""
    proposed = head.propose(head.recall(features).detach().sigmoid(), positives)
    _, real = head.rank(features, proposed)
    blocks = zip(proposed.tolist(), real.sum(-1).tolist(), strict=True)
    starts = head.start.tolist()
    return [
        {int(head.label_of_slot[starts[c] + i]) for c, size in zip(*row, strict=True) for i in range(size)}
        for row in blocks
    ]


def test_negatives_depend_on_the_recall_head() -> None:
    problem = Problem(torch.ones(1, WIDTH), [0, 0, 1, 1, 1, 2, 3], 4, [{0}], 2, False)
    head = problem.head("mean")
    torch.nn.init.zeros_(head.recall.weight)
    positive = (torch.tensor([0, 0]), torch.tensor([0, 0]))
    head.recall.bias.data = torch.tensor([-9.0, 3.0, 2.0, 1.0])
    assert candidates(head, problem.features, positive) == [{0, 1, 2, 3, 4}]
    before = head.loss(problem.features, *problem.positives).parts["rank_loss"]
    head.recall.bias.data = torch.tensor([-9.0, 1.0, 2.0, 3.0])
    assert candidates(head, problem.features, positive) == [{0, 1, 6}]
    after = head.loss(problem.features, *problem.positives).parts["rank_loss"]
    assert not torch.isclose(before, after)  # the rank head itself did not change


def test_a_document_in_too_many_clusters_keeps_the_best() -> None:
    problem = Problem(torch.ones(1, WIDTH), [0, 1, 2, 2], 3, [{0, 1, 2}], 2, True)
    head = problem.head("sum")
    torch.nn.init.zeros_(head.recall.weight)
    head.recall.bias.data = torch.tensor([1.0, -1.0, 0.0])
    # clusters 0 and 2 stay: labels 0 and 2 are positive, 3 negative, and label 1 is not a candidate at all
    logits = torch.stack([rank_logit(head, problem.features[0], label) for label in (0, 2, 3)])
    expected = binary_cross_entropy_with_logits(logits, torch.tensor([1.0, 1.0, 0.0]), reduction="sum")
    found = head.loss(problem.features, *problem.positives).parts["rank_loss"]
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


@given(columns=st.integers(1, 200), k=st.integers(1, 9), values=st.integers(1, 50), seed=st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_the_best_of_many_agree_with_a_sort(columns: int, k: int, values: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = torch.from_numpy(random.integers(0, values, (3, columns)) / np.float32(50)).float()
    found, labels = best(scores, k)
    for row, own in enumerate(scores.tolist()):
        expected = best_first(dict(enumerate(own)), k)
        assert labels[row].tolist() == expected and found[row].tolist() == [own[label] for label in expected]


@pytest.mark.parametrize("padding", ["masked", "edge"])
def test_a_step_never_waits_for_a_value_from_the_device(padding: Padding, monkeypatch: pytest.MonkeyPatch) -> None:
    # tensors on `meta` have shapes but no values, so code that would wait for a value from a GPU fails
    monkeypatch.setattr(heads, "exactly", lambda layer, features: layer(features))  # there is no autocast for `meta`
    problem = Problem(torch.randn(2, WIDTH), [2, 1, 1, 0, 2, 0, 3], 4, [{0, 3}, {3}], 2, True)
    head, rows, labels = problem.head("sum").to("meta"), *(part.to("meta") for part in problem.positives)
    head.padding = padding
    # check first that such code fails: counting nonzero entries needs values
    with pytest.raises(NotImplementedError):
        rows.nonzero()
    head.loss(problem.features.to("meta"), rows, labels).total.backward()
    assert head.table.grad is not None


def test_log_odds_by_hand() -> None:
    found = log_odds(np.array([0, 3, 9]), 9)
    assert found.dtype == torch.float32
    assert found.tolist() == pytest.approx([np.log(0.5 / 9.5), np.log(3.5 / 6.5), np.log(9.5 / 0.5)])


def labelled(problem: Problem) -> sparse.csr_matrix:
    rows, labels = (part.numpy() for part in problem.positives)
    return sparse.csr_matrix((np.ones(len(rows)), (rows, labels)), shape=(len(problem.truth), len(problem.cluster)))


@given(problem=problems())
@settings(max_examples=60, deadline=None)
def test_a_head_initialised_with_the_prior_scores_labels_by_it(problem: Problem) -> None:
    documents = len(problem.truth)
    frequency = [sum(label in truth for truth in problem.truth) for label in range(len(problem.cluster))]
    flat = FlatHead(WIDTH, len(problem.cluster), "mean")
    flat.start_at_prior(labelled(problem))
    every = torch.randn(3, WIDTH)
    scores, labels = flat.top(every, len(problem.cluster))
    prior = [(n + 0.5) / (documents + 1) for n in frequency]
    assert scores[2].tolist() == pytest.approx([prior[label] for label in labels[2].tolist()], abs=1e-5)

    head = ClusteredHead(WIDTH, problem.clusters, BOTTLENECK, problem.count, "mean", label_bias=True)
    head.start_at_prior(labelled(problem))
    scores, labels = head.top(every, len(problem.cluster))
    seen = [sum(c in problem.positive_clusters(row) for row in range(documents)) for c in range(problem.count)]
    prior = [  # of the cluster, times that of the label, which is ranked in every document, as all clusters are kept
        (seen[c] + 0.5) / (documents + 1) * (frequency[label] + 0.5) / (documents + 1)
        for label, c in enumerate(problem.cluster)
    ]
    assert scores[1].tolist() == pytest.approx([prior[label] for label in labels[1].tolist()], abs=1e-5)
    found = head.loss(every, torch.tensor([0]), torch.tensor([0]))
    assert all(grad.isfinite().all() for grad in gradients(found, head, every.requires_grad_()).values())


def test_a_label_is_initialised_with_its_frequency_in_its_cluster() -> None:
    """Of 8 proposals, two per document, 4 are true; the others take half of the 8 remaining places."""
    truth: list[set[int]] = [{0}, {0, 1}, {2}, {0}]
    problem = Problem(torch.randn(4, WIDTH), [0, 0, 1, 2], 3, truth, 2, True)
    expected = {True: [(3, 3.5), (1, 3.5), (1, 2.5), (0, 2)], False: [(3, 4), (1, 4), (1, 4), (0, 4)]}
    for sampled, counts in expected.items():
        head = problem.head("sum", sampled=sampled)
        head.start_at_prior(labelled(problem))
        assert head.bias is not None
        by_label = head.bias[head.slot_of_label].tolist()
        assert by_label == pytest.approx([np.log((n + 0.5) / (of - n + 0.5)) for n, of in counts])
