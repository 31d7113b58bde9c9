"""The clustered head of LightXML (section 3.3): a recall head over clusters, a rank head over their labels.

Positive labels come as two index vectors, `rows` int64[P] and `labels` int64[P]: pair i says that the
document in row rows[i] of the batch has the label labels[i].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn.functional import linear, logsigmoid

from lightxml_core.methods.lightxml.blocks import Zeros, block_scores, cut, proposals
from lightxml_core.methods.lightxml.losses import repeated_last
from lightxml_core.methods.lightxml.settings import TableUpdates
from lightxml_core.methods.transformer.every_label import InPlace, every_label_loss
from lightxml_core.methods.transformer.heads import Head
from lightxml_core.methods.transformer.losses import (
    Loss,
    Reduction,
    bce,
    exactly,
    log_odds,
)
from lightxml_core.methods.transformer.selection import best

# with at most so many labels per candidate, scoring every label costs less than copying the candidates' rows
_SCORED_WHOLE = 16
_GATHERED = 1 << 23  # values of the label table that are copied for a batch; for more, a CPU computes block by block

Stage = Literal["joint", "recall", "rank"]
Padding = Literal["masked", "edge"]


class ClusteredHead(Head):
    """Recall head over label clusters and rank head over the labels of the clusters it proposes.

    Inside, labels are numbered by cluster, so that cluster c is the block of table rows
    [start[c], start[c] + size[c]). To propose clusters is to propose blocks, and a positive label's place among
    the candidates follows from the place of its cluster. No array has an entry per label for every document.
    """

    by_block = True
    start: Tensor
    size: Tensor
    label_of_slot: Tensor
    slot_of_label: Tensor
    cluster_of_slot: Tensor
    members: Tensor
    real: Tensor

    def __init__(
        self,
        width: int,
        clusters: sparse.csr_matrix,
        bottleneck: int,
        kept: int,
        reduction: Reduction,
        label_bias: bool,
        sampled: bool = True,
        updates: TableUpdates = "dense",
        padding: Padding = "masked",
        table_lr: float = 0.0,
    ) -> None:
        """clusters: CSR L × C with one 1 a row. Not `sampled`: training scores every label.

        padding: how the rank loss fills the rows of documents with fewer candidates than others: with nothing
        (`masked`), or by repeating the last candidate (`edge`, as the released code).

        updates: how the table is trained. `dense`: as any parameter. `row-sparse`: its `blocks` are trained instead,
        one parameter per cluster. The loss of a step gives a gradient to the proposed ones; an optimiser skips the
        others. `in-place`, if not `sampled`: by plain SGD at the rate `table_lr`, see `InPlace`.
        """
        super().__init__()
        self.reduction, self.sampled, self.padding = reduction, sampled, padding
        self.row_sparse = updates == "row-sparse"
        self.labels, count = clusters.shape
        self.kept = min(kept, count)
        self.recall = nn.Linear(width, count)
        self.project = nn.Linear(width, bottleneck)
        self.table = nn.Parameter(nn.init.xavier_uniform_(torch.empty(self.labels, bottleneck)))
        self.table.requires_grad_(not self.row_sparse)
        self.bias = nn.Parameter(torch.zeros(self.labels)) if label_bias else None
        if updates == "in-place":
            self.in_place = InPlace(self.table, self.bias, table_lr)
        self._blocks: list[nn.Parameter] = []
        self._zeros = Zeros()
        cluster = torch.from_numpy(clusters.indices.astype(np.int64))
        size = torch.bincount(cluster, minlength=count)
        label_of_slot = torch.argsort(cluster, stable=True)
        self.register_buffer("seen", torch.ones(self.labels, dtype=torch.bool), persistent=False)
        self.register_buffer("size", size, persistent=False)
        self.register_buffer("start", torch.cumsum(size, 0) - size, persistent=False)
        self.register_buffer("label_of_slot", label_of_slot, persistent=False)
        self.register_buffer("slot_of_label", torch.argsort(label_of_slot), persistent=False)
        self.register_buffer("cluster_of_slot", cluster[label_of_slot], persistent=False)
        self.widest = int(size.max())
        within = torch.arange(self.widest, device=size.device)
        members = (self.start.unsqueeze(1) + within).clamp_(max=self.labels - 1)
        self.register_buffer("members", members, persistent=False)
        self.register_buffer("real", within < size.unsqueeze(1), persistent=False)

    def blocks(self) -> list[nn.Parameter]:
        """The parameters that are trained instead of the table if it is `row_sparse`: a view of it per cluster."""
        if self.row_sparse and (not self._blocks or _storage(self._blocks[0]) != _storage(self.table)):
            self._blocks = [nn.Parameter(block) for block in self.table.detach().split(self.size.tolist())]
        return self._blocks

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_blocks": [], "_zeros": Zeros()}  # a copied view would no longer be one

    def start_at_prior(self, Y: sparse.csr_matrix) -> None:
        """Start the recall biases at the clusters' log-odds and the label biases at theirs among their candidates.

        The projection starts at zero, so that each head's scores are these priors; the table keeps its random start.
        """
        cluster = self.cluster_of_slot[self.slot_of_label].cpu().numpy()
        pairs = (np.arange(len(cluster)), cluster)
        member = sparse.csr_matrix((np.ones(len(cluster)), pairs), shape=(self.labels, len(self.size)))
        documents = np.asarray((Y @ member > 0).sum(axis=0)).ravel()
        for weights in (self.recall.weight, self.project.weight, self.project.bias):
            nn.init.zeros_(weights)
        self.recall.bias.data.copy_(log_odds(documents, Y.shape[0]))
        if self.bias is not None:
            prior = log_odds(np.asarray(Y.sum(axis=0)).ravel(), self._ranked(documents, Y.shape[0])[cluster])
            self.bias.data.copy_(prior[self.label_of_slot.cpu()])

    def _ranked(self, documents: np.ndarray, count: int) -> np.ndarray:
        """float64[C]: how many of `count` documents rank the labels of each cluster in an epoch.

        These are the cluster's own, int64[C] `documents`, and an even share of the others, for which it is a negative.
        """
        own, most = documents.sum(), len(documents) * count
        negatives = (self.kept * count - own) / max(most - own, 1) if self.sampled else 1.0
        return documents + (count - documents) * np.clip(negatives, 0.0, 1.0)

    def loss(
        self, features: Tensor, rows: Tensor, labels: Tensor, stage: Stage = "joint", fixed: Tensor | None = None
    ) -> Loss:
        """features: float[B, width]. Recall loss over all clusters plus rank loss over the candidates, equal weights.

        The candidates are drawn anew from the recall head at every call, *dynamic* negatives, unless `fixed`,
        int64[B, n], names clusters for each document. Stage `recall` has the recall loss alone. Stage `rank` has the
        rank loss alone, without a gradient for the features.
        """
        slots = self.slot_of_label[labels]
        recall = exactly(self.recall, features)
        parts: dict[str, Tensor] = {}
        if stage != "rank":
            own = (rows, self.cluster_of_slot[slots])
            times = torch.zeros_like(recall).index_put_(own, torch.ones_like(rows, dtype=recall.dtype), accumulate=True)
            parts["recall_loss"] = bce(recall, own, self.reduction, weight=1.0 / times[own])
        if stage != "recall":
            read = features.detach() if stage == "rank" else features
            scores = recall.detach().sigmoid() if fixed is None else self.preference(fixed)
            parts["rank_loss"] = self.rank_loss(read, scores, rows, slots)
        first, *others = parts.values()
        return Loss(sum(others, first), parts)

    def rank_loss(self, features: Tensor, scores: Tensor, rows: Tensor, slots: Tensor) -> Tensor:
        """Loss of the rank head over the candidates that float[B, C] `scores` propose, or over all labels.

        rows, slots: int64[P], positive labels by their rows of the table.
        """
        if not self.sampled:
            own = (rows, slots)
            return every_label_loss(self.project(features), self.table, self.bias, own, self.reduction, self.in_place)
        clusters = self.cluster_of_slot[slots]
        proposed = self.propose(scores, (rows, clusters))
        rank, real = self.rank(features, proposed)
        places, found = self.places(proposed, rows, slots, clusters)
        if self.padding == "masked":
            return bce(rank.flatten(1), (rows, places), self.reduction, real.flatten(1), found)
        counts = repeated_last(real.flatten(1))
        return bce(rank.flatten(1), (rows, places), self.reduction, counts, found * counts[rows, places])

    def preference(self, fixed: Tensor) -> Tensor:
        """Scores in [0, 1), float[B, C], by which exactly the clusters int64[B, n] are proposed, in their order."""
        count = fixed.shape[1]
        falling = torch.arange(count, 0, -1, device=fixed.device) / (count + 1)
        return torch.zeros(len(fixed), len(self.size), device=fixed.device).scatter_(1, fixed, falling.expand_as(fixed))

    def propose(self, scores: Tensor, positives: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """The K clusters of highest score; 1 is added to positive ones, which puts them first.

        scores: float32[B, C] in [0, 1]; positives, training only: int64[P] rows and clusters, of which pairs may be the
        same. Returns int64[B, K], best first.
        """
        if positives is not None:
            scores = scores.index_put(positives, scores[positives] + 1.0)
        return best(scores, self.kept)[1]

    def rank(self, features: Tensor, proposed: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of every label of the proposed clusters.

        proposed: int64[B, K]. Returns float32[B, K, M] logits and bool[B, K, M], false where a cluster is
        shorter than the longest (M labels) and nothing is scored.
        """
        slots, real = self.slots(proposed)
        logits = self._logits(self.project(features), proposed, slots)
        return (logits if self.bias is None else logits + self.bias[slots]), real

    def _logits(self, hidden: Tensor, proposed: Tensor, slots: Tensor) -> Tensor:
        """float32[B, K, M] logits of `rank` without the biases, computed in the cheapest of three ways.

        hidden: float[B, d]. proposed: int64[B, K]. slots: int64[B, K, M], the labels of the proposed clusters.
        """
        if not self._learnt_by_block and self.labels <= _SCORED_WHOLE * slots[0].numel():
            every = linear(hidden, self.table.to(hidden.dtype))
            return every.gather(1, slots.flatten(1)).view(slots.shape).float()
        if slots.numel() * hidden.shape[1] > _GATHERED and not hidden.is_cuda:
            return self._by_block(hidden, proposed)
        rows, where = self._copied(proposed, slots)
        return torch.einsum("bkmd,bd->bkm", rows[where].to(hidden.dtype), hidden).float()

    @property
    def _learnt_by_block(self) -> bool:
        return self.row_sparse and torch.is_grad_enabled()

    def _by_block(self, hidden: Tensor, proposed: Tensor) -> Tensor:
        """float32[B, K, M] logits of `rank` before the biases, without a copy of the table's rows."""
        wanted = proposals(proposed)
        blocks: Sequence[Tensor]
        if self._learnt_by_block:
            blocks = [self.blocks()[cluster] for cluster in wanted.clusters]
        else:
            firsts, sizes = (of[wanted.clusters].tolist() for of in (self.start, self.size))
            blocks = cut(self.table, firsts, sizes, self._zeros)
        return block_scores(hidden, wanted, self.widest, blocks).view(*proposed.shape, self.widest)

    def _copied(self, proposed: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Rows float32[R, b] that hold those of the candidates, and the place of each candidate's, int64[B, K, M].

        If blocks are trained, the rows are those of the proposed blocks, so that each block gets its own gradient.
        """
        if not self._learnt_by_block:
            return self.table, slots
        clusters, place = proposed.unique(return_inverse=True)
        none = self.table.new_zeros(1, self.table.shape[1])  # for places past the end of the last cluster
        rows = torch.cat([*(self.blocks()[cluster] for cluster in clusters.tolist()), none])
        first = torch.cumsum(self.size[clusters], 0) - self.size[clusters]
        where = slots + (first[place] - self.start[proposed]).unsqueeze(-1)
        return rows, where.clamp_(max=len(rows) - 1)

    def slots(self, proposed: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of the label table in the clusters int64[B, K], as int64[B, K, M]; bool[B, K, M]: it is one."""
        flat = proposed.flatten()
        slots, real = (table.index_select(0, flat).view(*proposed.shape, -1) for table in (self.members, self.real))
        return slots, real

    def places(self, proposed: Tensor, rows: Tensor, slots: Tensor, clusters: Tensor) -> tuple[Tensor, Tensor]:
        """int64[P]: the place of each positive label among the K·M candidates of its row; bool[P]: it has one.

        If a document has more than K positive clusters, some are not proposed.
        """
        found, order = (proposed[rows] == clusters.unsqueeze(1)).max(dim=1)
        return order * self.widest + slots - self.start[clusters], found

    def log_scores(self, features: Tensor, labels: Tensor) -> Tensor:
        """As in `Head`, also for labels whose cluster is not proposed."""
        slots = self.slot_of_label[labels]
        rank = linear(self.project(features), self.table[slots], None if self.bias is None else self.bias[slots])
        return (logsigmoid(rank) + logsigmoid(self.recall(features)[:, self.cluster_of_slot[slots]]))[0]

    def top(self, features: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The k best labels: sigmoid(rank logit) · sigmoid(recall logit of the label's cluster), -1 for none."""
        recall = self.recall(features).sigmoid()
        proposed = self.propose(recall)
        rank, real = self.rank(features, proposed)
        scores = rank.sigmoid() * recall.gather(1, proposed).unsqueeze(-1)
        labels = self.label_of_slot[self.slots(proposed)[0]]
        return best(scores.masked_fill(~(real & self.seen[labels]), -1.0).flatten(1), k, labels.flatten(1))


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
