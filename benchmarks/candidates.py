"""Candidates, targets and mask of one training step of Amazon-670K's shape, against the released code's way."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import torch
from scipy import sparse

from benchmarks.harness import compare
from lightxml_core.methods.lightxml.heads import ClusteredHead
from lightxml_core.methods.lightxml.settings import TableUpdates

LABELS, CLUSTERS, KEPT, BATCH, POSITIVES = 670_091, 8_192, 75, 16, 5


def head(bottleneck: int = 1, width: int = 1, row_sparse: bool = False) -> ClusteredHead:
    """The clustered head of that shape, labels dealt to clusters at random."""
    cluster = np.random.default_rng(0).permutation(LABELS) % CLUSTERS
    clusters = sparse.csr_matrix((np.ones(LABELS, np.float32), (np.arange(LABELS), cluster)), shape=(LABELS, CLUSTERS))
    updates: TableUpdates = "row-sparse" if row_sparse else "dense"
    return ClusteredHead(width, clusters, bottleneck, KEPT, "mean", label_bias=False, updates=updates)


def batch(random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Positive labels of a batch: int64[P] rows and labels."""
    rows = np.repeat(np.arange(BATCH), POSITIVES)
    return torch.from_numpy(rows), torch.from_numpy(random.integers(0, LABELS, len(rows)))


def official(scores: torch.Tensor, positive: torch.Tensor, members: list[np.ndarray], truth: list[set[int]]) -> Any:
    """Candidate labels, targets and mask by numpy and sets, one document at a time."""
    best = torch.topk(scores + positive, KEPT, dim=1).indices.cpu().numpy()
    lists = [np.concatenate([members[c] for c in row]) for row in best]
    width = max(map(len, lists))
    candidates = np.stack([np.pad(labels, (0, width - len(labels)), mode="edge") for labels in lists])
    targets = [
        [float(label in wanted) for label in row] for row, wanted in zip(candidates.tolist(), truth, strict=True)
    ]
    mask = np.arange(width) < np.array([len(labels) for labels in lists])[:, None]
    return torch.from_numpy(candidates), torch.tensor(targets), torch.from_numpy(mask)


def main() -> None:
    torch.set_num_threads(1)
    random, model = np.random.default_rng(1), head()
    rows, labels = batch(random)
    scores = torch.rand(BATCH, CLUSTERS)
    by_cluster = np.split(model.label_of_slot.numpy(), np.cumsum(model.size.numpy())[:-1])
    truth = [set(labels[rows == row].tolist()) for row in range(BATCH)]
    slots = model.slot_of_label[labels]
    clusters = model.cluster_of_slot[slots]
    positive = torch.zeros(BATCH, CLUSTERS)
    positive[rows, clusters] = 1.0

    def ours() -> Any:
        proposed = model.propose(scores, (rows, clusters))
        return model.slots(proposed), model.places(proposed, rows, slots, clusters)

    (table_rows, real), (places, found) = ours()
    candidates, targets, mask = official(scores, positive, by_cluster, truth)
    for row in range(BATCH):
        own = set(model.label_of_slot[table_rows[row]][real[row]].tolist())
        assert own == set(candidates[row][mask[row]].tolist()), "other candidates than the released code's"
        chosen = model.label_of_slot[table_rows[row].flatten()[places[rows == row]]]
        assert set(chosen.tolist()) == truth[row], "a positive label is missing"
    assert found.all() and int(targets[mask].sum()) == len(places)
    compare(
        "candidates",
        lambda: deque((ours() for _ in range(20)), maxlen=0),  # no result is kept, as in training
        lambda: deque((official(scores, positive, by_cluster, truth) for _ in range(20)), maxlen=0),
        against="the released code's numpy and sets, one thread",
        goal=0.05,
    )


if __name__ == "__main__":
    main()
