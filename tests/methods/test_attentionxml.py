"""AttentionXML: attention and tree against slow reference code, and end to end on a planted corpus."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from scipy import sparse

from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import load_tokens, tokenize
from lightxml_core.errors import InputError
from lightxml_core.evaluation.metrics import precision, rank
from lightxml_core.methods import TestData, TrainingData
from lightxml_core.methods.attentionxml import Settings, fit, needs, predict, prediction
from lightxml_core.methods.attentionxml.model import AttentionXML
from lightxml_core.methods.attentionxml.prediction import load_tree
from lightxml_core.methods.attentionxml.tree import LabelTree, label_tree, padded, visited
from tests.helpers.planted import LABELS, documents, log_after_a_kill

FLAT = Settings(
    max_tokens=32, width=24, hidden=16, layers=[16], word_dropout=0.1, dropout=0.1, epochs=20, batch=16, lr=1e-2,
    evaluate_steps=1000, swa_warmup=[1000],
)  # fmt: skip
TREE = replace(FLAT, levels=[4, 8], max_leaf=4, kept=3)
CLUSTERS = sparse.csr_matrix(np.eye(8, dtype=np.float32)[np.arange(LABELS) * 8 // LABELS])


@dataclass(frozen=True)
class Corpus:
    folder: Path
    Y: sparse.csr_matrix
    Y_tst: sparse.csr_matrix

    def data(self, chosen: Settings) -> TrainingData:
        return TrainingData(
            Y=self.Y,
            tokens=load_tokens(self.folder / "tokens", "trn"),
            clusters=CLUSTERS if "clusters" in needs(chosen) else None,
            encoder=self.folder / "words",
            validation=np.arange(0, 200, 5),
        )

    def test(self) -> TestData:
        return TestData(tokens=load_tokens(self.folder / "tokens", "tst"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    (texts, Y), (texts_tst, Y_tst) = documents(200, 1), documents(60, 2)
    build_scratch(ScratchConfig("words", 400), texts, folder / "words")
    for part, lines in (("trn", texts), ("tst", texts_tst)):
        tokenize(lines, folder / "words", 32, "plain", folder / "tokens", part)
    return Corpus(folder, Y, Y_tst)


def trained(corpus: Corpus, chosen: Settings, folder: Path) -> sparse.csr_matrix:
    torch.set_num_threads(1)
    fit(corpus.data(chosen), chosen, folder / "model", True)
    return predict(folder / "model", corpus.test(), 10)


@pytest.mark.parametrize("chosen", [FLAT, TREE], ids=["all labels at once", "tree"])
def test_it_learns_and_its_scores_are_products_along_the_tree(chosen: Settings, corpus: Corpus, tmp_path: Path) -> None:
    found = trained(corpus, chosen, tmp_path)
    assert 100 * precision(rank(found, corpus.Y_tst, 1), 1) > 80
    expected = slow_scores(tmp_path / "model", corpus, 5, chosen)
    with pytest.MonkeyPatch.context() as patch:  # as for a large label set: a few nodes at a time
        patch.setattr(prediction, "_FLOATS_AT_ONCE", 64 * 32 * 3)
        in_pieces = predict(tmp_path / "model", corpus.test(), 10)
    np.testing.assert_allclose(in_pieces.toarray(), found.toarray(), rtol=1e-4)
    for label, score in zip(found[5].indices, found[5].data, strict=True):
        assert score == pytest.approx(expected[label], rel=1e-4)
    if not chosen.levels:
        best = sorted(expected, key=lambda label: -expected[label])[:10]
        assert set(found[5].indices) == set(best)


def slow_scores(model: Path, corpus: Corpus, row: int, chosen: Settings) -> dict[int, float]:
    """Label → product of the probabilities of its nodes, each computed separately."""
    from safetensors.torch import load_file

    _, tree, words = load_tree(model)
    tokens = corpus.test().tokens
    assert tokens is not None
    ids = torch.from_numpy(np.array(tokens.ids[tokens.offsets[row] : tokens.offsets[row + 1]])).long()[None]
    mask, scores = torch.ones_like(ids, dtype=torch.bool), dict.fromkeys(range(LABELS), 1.0)
    for level in range(len(tree)):
        network = AttentionXML(words, tree.sizes[level], chosen, sparse=level > 0).eval()
        network.load_state_dict(load_file(model / f"level{level}.safetensors"))
        with torch.no_grad():
            for label in scores:
                node = torch.tensor([[tree.node_of[level][label]]])
                scores[label] *= network.score(network.states(ids, mask), mask, node).sigmoid().item()
    return scores


def test_attention_follows_the_equations() -> None:
    torch.manual_seed(3)
    network = AttentionXML(20, 6, replace(FLAT, layers=[5, 4]), sparse=True).eval()
    ids, mask = torch.tensor([[3, 4, 5, 2], [7, 2, 0, 0]]), torch.tensor([[True] * 4, [True, True, False, False]])
    nodes = torch.tensor([[1, 4], [0, 5]])
    with torch.no_grad():
        states = network.states(ids, mask)
        found = network.score(states, mask, nodes)
        assert torch.allclose(network.score(states, mask, None).gather(1, nodes), found, atol=1e-6)
        assert torch.allclose(
            network.states(ids[1:, :2], mask[1:, :2]), states[1:, :2], atol=1e-6
        )  # padding has no effect
        for i, length in ((0, 4), (1, 2)):
            for j in range(2):
                query, own = network.queries.weight[nodes[i, j]], states[i, :length]
                strength = [float(torch.exp(query @ state)) for state in own]
                vector = sum(a / sum(strength) * state for a, state in zip(strength, own, strict=True))
                for layer in network.layers:
                    vector = torch.clamp(layer.weight @ vector + layer.bias, min=0)
                logit = network.output.weight[0] @ vector + network.output.bias[0]
                assert found[i, j].item() == pytest.approx(logit.item(), abs=1e-5)


@given(st.integers(0, 10**6), st.integers(2, 40), st.sampled_from([[2], [2, 8], [4], [2, 4, 8]]), st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_the_tree_and_its_visited_nodes_agree_with_python_sets(
    seed: int, labels: int, levels: list[int], kept: int
) -> None:
    random = np.random.default_rng(seed)
    cluster_of = np.sort(random.integers(0, 8, labels))
    ones = np.ones(labels, np.float32)
    clusters = sparse.csr_matrix((ones, cluster_of, np.arange(labels + 1)), shape=(labels, 8))
    tree = label_tree(clusters, labels, levels)
    Y = sparse.csr_matrix(random.random((5, labels)) < 0.2, dtype=np.float32)
    for level in range(len(tree)):
        under = [{int(tree.node_of[level][label]) for label in Y[i].indices} for i in range(5)]
        assert [set(row.indices) for row in tree.positives(Y, level)] == under
        if level == 0:
            continue
        pairs = {(int(tree.node_of[level - 1][x]), int(tree.node_of[level][x])) for x in range(labels)}
        assert set(zip(*map(np.ndarray.tolist, tree.children(level).nonzero()), strict=True)) == pairs
        check_visited(tree, Y, level, kept, random)


def check_visited(tree: LabelTree, Y: sparse.csr_matrix, level: int, kept: int, random: np.random.Generator) -> None:
    scores = random.permutation(tree.sizes[level - 1] * 5).reshape(5, -1).astype(np.float32) / 1000 + 0.001
    positives = tree.positives(Y, level - 1)
    found = visited(sparse.csr_matrix(scores), positives, kept)
    candidates = found @ tree.children(level)
    for i in range(5):
        chosen = set(positives[i].indices.tolist())
        for node in np.argsort(-scores[i]).tolist():
            if len(chosen) < kept:
                chosen.add(node)
        assert set(found[i].indices) == chosen and set(found.data) == {1.0}
        own = set(tree.positives(Y, level)[i].indices)
        assert own <= set(candidates[i].indices)  # every positive node is a candidate


def test_members_without_a_tree_differ_and_levels_average(corpus: Corpus, tmp_path: Path) -> None:
    """Members of an ensemble differ without a tree; each level averages from its own epoch."""
    chosen = replace(FLAT, epochs=1)
    first, second = (trained(corpus, replace(chosen, tree=tree), tmp_path / str(tree)) for tree in (0, 1))
    assert not np.array_equal(first.toarray(), second.toarray())
    one, each = replace(TREE, swa_warmup=[7]), replace(TREE, swa_warmup=[6, 2, 1])
    assert [one.averaging_epoch(level) for level in range(3)] == [7, 7, 7]
    assert [each.averaging_epoch(level) for level in range(3)] == [6, 2, 1]


def test_initial_vectors_have_the_length_that_is_set(corpus: Corpus, tmp_path: Path) -> None:
    """Vectors learnt from the corpus have equal length, except those of words without documents."""
    chosen = replace(FLAT, epochs=1, batch=200, vector_length=7.5, learn_vectors=False)
    fit(corpus.data(chosen), chosen, tmp_path / "model", True)
    lengths = load_file(tmp_path / "model/level0.safetensors")["words.weight"].norm(dim=1)
    torch.testing.assert_close(lengths[lengths > 0], torch.full((int((lengths > 0).sum()),), 7.5))


def test_padded_rows_by_hand() -> None:
    columns, values, mask = padded(sparse.csr_matrix([[0, 2, 0, 3], [0, 0, 0, 0], [1, 0, 0, 0]], dtype=np.float32))
    assert columns.tolist() == [[1, 3], [0, 0], [0, 0]]
    assert values.tolist() == [[2, 3], [0, 0], [1, 0]]
    assert mask.tolist() == [[True, True], [False, False], [True, False]]


@pytest.mark.parametrize("when", [3, 14, 25])  # of ten steps at each of three levels
def test_killed_at_any_level_it_resumes_to_the_same_bytes(when: int, corpus: Corpus, tmp_path: Path) -> None:
    chosen = replace(TREE, epochs=1, evaluate_steps=3, swa_warmup=[0, 1, 0], checkpoint_minutes=0.0)
    log = log_after_a_kill(lambda folder: trained(corpus, chosen, folder), when, tmp_path)
    assert [line["step"] for line in log if line["kind"] == "step"] == list(range(1, 31))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"levels": [8, 4]}, "from few nodes to many"),
        ({"levels": [6]}, "2, 4, 8, … nodes"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"swa_warmup": [4, 2]}, "one epoch, or one for each of 1 levels"),
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(FLAT, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("levels", "warmup", "kept", "averaged_from"),
    [([16], [7], [], [7]), ([4, 16, 32], [1, 2, 3, 4], [4], [1, 4]), ([4, 8], [5], [4, 8], [5, 5, 5])],
)
def test_levels_finer_than_the_clusters_are_left_out(
    levels: list[int],
    warmup: list[int],
    kept: list[int],
    averaged_from: list[int],
    corpus: Corpus,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    chosen = replace(TREE, levels=levels, swa_warmup=warmup, epochs=1)
    with caplog.at_level("INFO"):
        found = trained(corpus, chosen, tmp_path)
    assert found.nnz == 600 and load_tree(tmp_path / "model")[0].levels == kept
    fitting = chosen.for_clusters(CLUSTERS.shape[1])
    assert [fitting.averaging_epoch(level) for level in range(len(kept) + 1)] == averaged_from
    left_out = levels[len(kept) :]
    said = [line for line in caplog.messages if "left out" in line]
    expected = f"AttentionXML: levels of more nodes than there are label clusters (8) are left out: {left_out}"
    assert said == ([expected] if left_out else [])
