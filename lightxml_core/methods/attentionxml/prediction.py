"""Predict level by level: a node's score is the product of the probabilities on its path."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn.functional import logsigmoid

from lightxml_core.encoders.saliency import gradient_times_input
from lightxml_core.encoders.tokens import TokenisedPart
from lightxml_core.files import load_csr, read_json
from lightxml_core.methods import Contributions, Explain, Predict, TestData
from lightxml_core.methods.attentionxml.model import AttentionXML
from lightxml_core.methods.attentionxml.settings import Settings
from lightxml_core.methods.attentionxml.tree import LabelTree, label_tree, padded
from lightxml_core.training.devices import pick_device
from lightxml_core.training.log import Progress

_FLOATS_AT_ONCE = 1 << 26  # in a batch's attention or its output, for some of the nodes: 256 MB
_BATCH = 64
_LEAST_SCORE = 1e-30  # a score that underflows to 0 would no longer count as a prediction


def predict(folder: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top_k` best labels of each document with their scores in (0, 1)."""
    settings, tree, words = load_tree(folder)
    networks = (_load_level(folder, level, words, tree, settings) for level in range(len(tree)))  # one in memory
    return _best(networks, settings, tree, data, top_k)


def load(folder: Path) -> Predict:
    """The same, with the networks of all levels in memory."""
    settings, tree, words = load_tree(folder)
    return partial(
        _best, [_load_level(folder, level, words, tree, settings) for level in range(len(tree))], settings, tree
    )


def explain(folder: Path) -> Explain:
    """Of each word gradient × input, for the logarithm of the label's probability at the last level."""
    settings, tree, words = load_tree(folder)
    network = _load_level(folder, len(tree) - 1, words, tree, settings).eval()

    def of(data: TestData, labels: np.ndarray) -> Contributions:
        assert data.tokens is not None
        device = network.output.weight.device
        ids, mask = (torch.from_numpy(array).to(device) for array in data.tokens.pad(np.arange(1), 0))
        nodes = torch.from_numpy(labels).to(device)

        def scores() -> Tensor:
            return logsigmoid(_logits(network, ids, mask, nodes)[0])

        return Contributions(tokens=gradient_times_input(network.words, scores))

    return of


def _best(
    networks: Iterable[AttentionXML], settings: Settings, tree: LabelTree, data: TestData, top_k: int
) -> sparse.csr_matrix:
    assert data.tokens is not None
    rows, best = np.arange(len(data.tokens)), None
    for level, network in enumerate(networks):
        title = f"prediction, level {level + 1} of {len(tree)}"
        wanted = top_k if level + 1 == len(tree) else settings.kept
        best = best_nodes(network, data.tokens, rows, tree, level, best, wanted, Progress(title, len(rows)))
    assert best is not None
    return best


def load_tree(folder: Path) -> tuple[Settings, LabelTree, int]:
    """Settings, tree and number of words of a trained model."""
    stored = read_json(folder / "settings.json")
    labels, words = int(stored.pop("labels")), int(stored.pop("words"))
    settings = Settings(**stored)
    clusters = load_csr(folder / "clusters.npz") if settings.levels else None
    return settings, label_tree(clusters, labels, settings.levels), words


def _load_level(folder: Path, level: int, words: int, tree: LabelTree, settings: Settings) -> AttentionXML:
    from safetensors.torch import load_file

    network = AttentionXML(words, tree.sizes[level], settings, sparse=level > 0)
    network.load_state_dict(load_file(folder / f"level{level}.safetensors"))
    return network.to(pick_device())


@torch.no_grad()
def best_nodes(
    network: AttentionXML,
    tokens: TokenisedPart,
    rows: np.ndarray,
    tree: LabelTree,
    level: int,
    above: sparse.csr_matrix | None,
    kept: int,
    progress: Progress | None = None,
) -> sparse.csr_matrix:
    """float32 CSR len(rows) × nodes: the `kept` best nodes of a level with their scores.

    rows: int64, of the tokens. above: the result for the level above and these rows; None at the first level, where all
    nodes are scored.
    """
    network.eval()
    children = tree.children(level) if above is not None else None
    columns, scores = np.full((len(rows), kept), -1, np.int64), np.zeros((len(rows), kept), np.float32)
    order = np.argsort(-tokens.lengths[rows], kind="stable")
    for batch in (order[start : start + _BATCH] for start in range(0, len(order), _BATCH)):
        nodes = None if above is None or children is None else padded((above[batch] @ children).sorted_indices())
        values, found = _score(network, *tokens.pad(rows[batch], 0), nodes, kept)
        scores[batch, : values.shape[1]], columns[batch, : values.shape[1]] = values, found
        if progress is not None:
            progress.advance(len(batch), "")
    real = columns >= 0
    places = (np.repeat(np.arange(len(rows)), real.sum(1)), columns[real])
    return sparse.csr_matrix((scores[real], places), shape=(len(rows), tree.sizes[level]))


def _score(
    network: AttentionXML,
    ids: np.ndarray,
    mask: np.ndarray,
    nodes: tuple[np.ndarray, np.ndarray, np.ndarray] | None,
    kept: int,
) -> tuple[np.ndarray, np.ndarray]:
    """float32[B, k] best scores and int64[B, k] their nodes, -1 for none."""
    device = network.output.weight.device
    words, real = torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)
    if nodes is None:
        scores = _logits(network, words, real, torch.arange(network.nodes, device=device)).sigmoid()
        there, columns = network.seen.expand_as(scores), torch.arange(network.nodes, device=device).expand_as(scores)
    else:
        columns, parents, there = (torch.from_numpy(array).to(device) for array in nodes)
        scores = _logits(network, words, real, columns).sigmoid() * parents
        there = there & network.seen[columns]
    scores, place = scores.clamp(min=_LEAST_SCORE).masked_fill(~there, -1.0).topk(min(kept, columns.shape[1]))
    found = columns.gather(1, place).masked_fill(scores < 0, -1)
    return scores.cpu().numpy(), found.cpu().numpy()


def _logits(network: AttentionXML, ids: Tensor, mask: Tensor, nodes: Tensor) -> Tensor:
    """float32[B, K] logits of nodes, int64[B, K] per document or int64[K] of all, in parts to save memory."""
    states = network.states(ids, mask)
    size = max(1, _FLOATS_AT_ONCE // (len(ids) * max(ids.shape[1], network.queries.embedding_dim)))
    return torch.cat([network.score(states, mask, some) for some in nodes.split(size, dim=-1)], dim=1)
