"""The network of one level: word vectors, a bidirectional LSTM, one attention per node, layers shared by all nodes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightxml_core.methods.attentionxml.settings import Settings


@dataclass(frozen=True)
class Loss:
    """Binary cross-entropy of the nodes that were scored."""

    total: Tensor

    @property
    def parts(self) -> dict[str, Tensor]:
        return {"loss_of_nodes": self.total}


class AttentionXML(nn.Module):
    """You et al. 2019, section 3.2. If `sparse`, a step updates only the attentions of its candidate nodes.

    seen: bool[nodes], the nodes with a training document; no other is predicted.
    """

    seen: Tensor

    def __init__(self, words: int, nodes: int, settings: Settings, sparse: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(words, settings.width, sparse=True)
        self.lstm = nn.LSTM(settings.width, settings.hidden, batch_first=True, bidirectional=True)
        self.start = nn.Parameter(torch.zeros(2, 2, 1, settings.hidden))  # hidden and cell state per direction
        self.queries = nn.Embedding(nodes, 2 * settings.hidden, sparse=sparse)
        self.register_buffer("seen", torch.ones(nodes, dtype=torch.bool))
        widths = [2 * settings.hidden, *settings.layers]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in zip(widths, settings.layers, strict=False))
        self.output = nn.Linear(widths[-1], 1)
        self.word_dropout, self.dropout = nn.Dropout(settings.word_dropout), nn.Dropout(settings.dropout)
        nn.init.xavier_uniform_(self.queries.weight)
        for layer in (*self.layers, self.output):
            nn.init.xavier_uniform_(layer.weight)

    @property
    def nodes(self) -> int:
        return len(self.queries.weight)

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """float32[B, T, 2·hidden] states of the words. ids: int64[B, T]; mask: bool[B, T], some true in each row."""
        vectors = self.word_dropout(self.words(ids))
        packed = nn.utils.rnn.pack_padded_sequence(vectors, mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        hidden, cell = self.start.expand(-1, -1, len(ids), -1).contiguous().unbind()
        found, _ = self.lstm(packed, (hidden, cell))
        unpacked, _ = nn.utils.rnn.pad_packed_sequence(found, batch_first=True, total_length=ids.shape[1])
        return self.dropout(unpacked)

    def score(self, states: Tensor, mask: Tensor, nodes: Tensor | None) -> Tensor:
        """float32[B, K] logits of nodes: int64[B, K] per document, int64[K] for all documents, or None for all nodes.

        Each node has its own attention over the words and thus its own document vector (equations 3 and 4).
        """
        queries = self.queries.weight if nodes is None else self.queries(nodes)
        weights = torch.matmul(queries, states.transpose(1, 2))
        weights = weights.masked_fill(~mask[:, None, :], -torch.inf).softmax(dim=2)
        features = torch.bmm(weights, states)
        for layer in self.layers:
            features = torch.relu(layer(features))
        return self.output(features).squeeze(2)

    def loss(self, ids: Tensor, mask: Tensor, nodes: Tensor | None, target: Tensor, scored: Tensor) -> Loss:
        """Mean binary cross-entropy over the scored nodes. target: float32[B, K]; scored: bool[B, K]."""
        logits = self.score(self.states(ids, mask), mask, nodes)
        return Loss(nn.functional.binary_cross_entropy_with_logits(logits[scored], target[scored]))

    def copy_shared(self, above: AttentionXML) -> None:
        """Copy the parameters of the network of the level above, except those of its nodes."""
        kept = {name: v for name, v in above.state_dict().items() if not name.startswith(("queries.", "seen"))}
        self.load_state_dict(kept, strict=False)
