"""Embeddings of labels in the space of the documents, and the labels nearest to a document."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from lightxml_core.methods.lightdxml.settings import Settings
from lightxml_core.training.batches import epoch_batches


def centroids(encoded: Tensor, Y: sparse.csr_matrix) -> Tensor:
    """float32[L, width]: the mean encoding of each label's documents, zeros for a label without any."""
    counts = np.maximum(np.bincount(Y.indices, minlength=Y.shape[1]), 1)
    sums = Y.T.astype(np.float32) @ encoded.cpu().numpy()
    return torch.from_numpy((sums / counts[:, None]).astype(np.float32)).to(encoded.device)


def label_embeddings(encoded: Tensor, Y: sparse.csr_matrix, settings: Settings, cycle: int) -> Tensor:
    """float32[L, width]: centroids, taken through two linear layers that bring labels near their documents.

    encoded: float32[N, width], fixed. The loss is the mean of log(1 + ‖z_label - x_document‖²) over all pairs of a
    document and its label (arXiv 2304.11045, section 3). A function of the seed and the cycle.
    """
    start = centroids(encoded, Y)
    if settings.labels == "centroid":
        return start
    with torch.random.fork_rng(devices=[encoded.device] if encoded.is_cuda else []):
        torch.manual_seed(settings.seed * 1_000_003 + cycle)
        net = nn.Sequential(
            nn.Linear(settings.width, settings.label_hidden), nn.Linear(settings.label_hidden, settings.width)
        ).to(encoded.device)
        optimizer = torch.optim.Adam(net.parameters(), settings.label_lr)
        for epoch in range(settings.label_epochs):
            for rows in epoch_batches(np.ones(Y.shape[0]), settings.label_batch, settings.seed, epoch, bucket=1):
                if Y[rows].nnz:
                    optimizer.zero_grad(set_to_none=True)
                    proxy_loss(net, start, encoded, Y, rows).backward()
                    optimizer.step()
        with torch.no_grad():
            return net(start)


def proxy_loss(net: nn.Module, start: Tensor, encoded: Tensor, Y: sparse.csr_matrix, rows: np.ndarray) -> Tensor:
    """Mean of log(1 + squared distance) over the pairs of a label and a document of rows int64[B] that has it."""
    own = Y[rows]
    labels, places = np.unique(own.indices, return_inverse=True)
    documents = torch.from_numpy(np.repeat(rows, np.diff(own.indptr))).to(encoded.device)
    embedded = net(start[torch.from_numpy(labels.astype(np.int64)).to(encoded.device)])
    apart = embedded[torch.from_numpy(places).to(encoded.device)] - encoded[documents]
    return torch.log1p(apart.square().sum(dim=1)).mean()


def nearest_labels(embeddings: Tensor, documents: Tensor, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """The labels nearest to each document by cosine, best first: int64[N, K], -1 for none, and float32[N, K] cosines.

    Approximate, by an HNSW graph; built on one thread, so that it is the same every time.
    """
    import faiss

    from lightxml_core.training.devices import threads

    unit = [nn.functional.normalize(table, dim=1).cpu().numpy() for table in (embeddings, documents)]
    index = faiss.IndexHNSWFlat(embeddings.shape[1], settings.links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = settings.build_effort, settings.search_effort
    faiss.omp_set_num_threads(1)
    index.add(unit[0])
    faiss.omp_set_num_threads(threads())
    cosines, labels = index.search(unit[1], min(settings.neighbours, len(unit[0])))
    return labels, cosines
