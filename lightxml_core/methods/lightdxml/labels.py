"""Embed labels in the space of the documents, and find the labels nearest to a document."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.methods.lightdxml.settings import Settings
from lightxml_core.training.batches import epoch_batches
from lightxml_core.training.devices import threads


def centroids(encoded: Tensor, Y: sparse.csr_matrix) -> Tensor:
    """float32[L, width]: the mean encoding of each label's documents, zeros for a label without documents."""
    counts = np.maximum(label_frequencies(Y), 1)
    sums = Y.T.astype(np.float32) @ encoded.cpu().numpy()
    return torch.from_numpy((sums / counts[:, None]).astype(np.float32)).to(encoded.device)


class LabelNet:
    """The layers that move labels towards their documents. Their training continues from cycle to cycle."""

    def __init__(self, settings: Settings, device: torch.device) -> None:
        self.settings = settings
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(settings.seed)
            layers = nn.Linear(settings.width, settings.label_hidden), nn.Linear(settings.label_hidden, settings.width)
        self.net = nn.Sequential(*layers).to(device)

    def embeddings(self, encoded: Tensor, Y: sparse.csr_matrix, cycle: int) -> Tensor:
        """float32[L, width]: the centroids after the layers, which are first trained on them for this cycle.

        encoded: float32[N, width], fixed. The loss is the mean of log(1 + ‖z_label - x_document‖²) over all pairs of a
        document and its label (arXiv 2304.11045, section 3). A label without documents gets zeros.
        """
        start = centroids(encoded, Y)
        if self.settings.labels == "centroid":
            return start
        self._learn(start, encoded, Y, cycle)
        seen = torch.from_numpy(label_frequencies(Y) > 0).to(encoded.device)
        with torch.no_grad():
            return torch.where(seen[:, None], self.net(start), 0.0)

    def _learn(self, start: Tensor, encoded: Tensor, Y: sparse.csr_matrix, cycle: int) -> None:
        optimizer = torch.optim.Adam(self.net.parameters(), self.settings.label_lr)
        documents, labels = pairs_of(Y)
        for epoch in range(self.settings.label_epochs):
            number = cycle * self.settings.label_epochs + epoch
            for some in epoch_batches(
                np.ones(len(labels)), self.settings.label_batch, self.settings.seed, number, bucket=1
            ):
                optimizer.zero_grad(set_to_none=True)
                proxy_loss(self.net, start, encoded, documents[some], labels[some]).backward()
                optimizer.step()


def pairs_of(Y: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """int64[P] documents and int64[P] labels: all pairs of a document and one of its labels."""
    return np.repeat(np.arange(Y.shape[0]), np.diff(Y.indptr)), Y.indices.astype(np.int64)


def proxy_loss(net: nn.Module, start: Tensor, encoded: Tensor, documents: np.ndarray, labels: np.ndarray) -> Tensor:
    """Mean of log(1 + squared distance) over the pairs of documents int64[P] and labels int64[P]."""
    distinct, places = np.unique(labels, return_inverse=True)
    chosen, back, rows = (torch.from_numpy(array).to(encoded.device) for array in (distinct, places, documents))
    apart = net(start[chosen])[back] - encoded[rows]
    return torch.log1p(apart.square().sum(dim=1)).mean()


def _faiss() -> Any:
    """The faiss module, imported without its log messages about missing processor-specific builds."""
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)
    import faiss

    return faiss


class LabelIndex:
    """An HNSW graph of the labels whose embedding is not zero.

    The graph is deterministic if one thread builds it; with several, its links depend on their timing.
    """

    def __init__(self, embeddings: Tensor, settings: Settings) -> None:
        """embeddings: float32[L, width]."""
        faiss = _faiss()
        self.seen = embeddings.any(dim=1).nonzero()[:, 0].cpu().numpy()
        self.most = min(settings.neighbours, len(self.seen))
        self.index = faiss.IndexHNSWFlat(embeddings.shape[1], settings.links, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction, self.index.hnsw.efSearch = settings.build_effort, settings.search_effort
        faiss.omp_set_num_threads(settings.index_threads or threads())
        if self.most:
            self.index.add(_unit(embeddings[self.seen]))

    def nearest(self, documents: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """The labels nearest to each document by cosine, best first, found approximately.

        documents: float32[N, width]. Returns int64[N, K], -1 for none, and float32[N, K] cosines.
        """
        if self.most == 0:
            return np.empty((len(documents), 0), np.int64), np.empty((len(documents), 0), np.float32)
        _faiss().omp_set_num_threads(threads())
        cosines, places = self.index.search(_unit(documents), self.most)
        return np.where(places >= 0, self.seen[places], -1), cosines


def _unit(vectors: Tensor) -> np.ndarray:
    return np.asarray(functional.normalize(vectors, dim=1).cpu().numpy())
