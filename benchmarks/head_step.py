"""Score, loss, backward and optimiser of the clustered head at 670,091 × 400, against gather and default AdamW.

Once with AdamW over the whole table, once over the blocks of the clusters proposed (`table: row-sparse`).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.candidates import BATCH, CLUSTERS, LABELS, batch, head
from benchmarks.harness import compare
from lightxml_core.methods.lightxml.heads import ClusteredHead
from lightxml_core.training.optimisers import adamw

WIDTH, BOTTLENECK = 3840, 400


class Plain(nn.Module):
    """The same head with its table in the order of label ids and random rows gathered, as the released code has it."""

    def __init__(self, like: ClusteredHead) -> None:
        super().__init__()
        self.recall, self.project = nn.Linear(WIDTH, CLUSTERS), nn.Linear(WIDTH, BOTTLENECK)
        self.table = nn.Embedding(LABELS, BOTTLENECK)
        self.kept = like.kept
        member = torch.full((CLUSTERS, like.widest), 0)
        slots, real = like.slots(torch.arange(CLUSTERS)[None])
        self.member, self.real = torch.where(real[0], like.label_of_slot[slots[0]], member), real[0]

    def loss(self, features: Tensor, positive: Tensor, dense: Tensor) -> Tensor:
        recall = self.recall(features)
        best = torch.topk(recall.sigmoid() + positive, self.kept, dim=1).indices
        candidates, real = self.member[best].flatten(1), self.real[best].flatten(1)
        logits = torch.bmm(self.table(candidates), self.project(features).unsqueeze(-1)).squeeze(-1)
        targets = dense.gather(1, candidates)
        rank = binary_cross_entropy_with_logits(logits[real], targets[real])
        return rank + binary_cross_entropy_with_logits(recall, positive.float())


def main() -> None:
    for row_sparse, name in ((False, "head_step"), (True, "head_step_row_sparse")):
        _compare(head(BOTTLENECK, WIDTH, row_sparse), name)


def _compare(ours: ClusteredHead, name: str) -> None:
    random, plain = np.random.default_rng(1), Plain(ours)
    rows, labels = batch(random)
    features = torch.randn(BATCH, WIDTH)
    positive, dense = torch.zeros(BATCH, CLUSTERS), torch.zeros(BATCH, LABELS)
    positive[rows, ours.cluster_of_slot[ours.slot_of_label[labels]]] = 1.0
    dense[rows, labels] = 1.0
    with torch.no_grad():  # the same weights, so that the same loss shows the same mathematics
        plain.table.weight[ours.label_of_slot] = ours.table
        for part in ("recall", "project"):
            getattr(plain, part).load_state_dict(getattr(ours, part).state_dict())
        same = (plain.loss(features, positive, dense), ours.loss(features, rows, labels).total)
    torch.testing.assert_close(*same, rtol=1e-4, atol=1e-6)
    learnt = [*(p for p in ours.parameters() if p.requires_grad), *ours.blocks()]
    fused = adamw([{"params": learnt, "lr": 1e-4}])
    default = torch.optim.AdamW(plain.parameters(), lr=1e-4)

    def our_step() -> None:
        ours.loss(features, rows, labels).total.backward()
        fused.step()
        fused.zero_grad(set_to_none=True)

    def plain_step() -> None:
        plain.loss(features, positive, dense).backward()
        default.step()
        default.zero_grad(set_to_none=True)

    compare(name, our_step, plain_step, against="random gather and default AdamW", goal=0.2)


if __name__ == "__main__":
    main()
