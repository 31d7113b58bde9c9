"""The encoder of sparse documents and one classifier per label; a step updates only the rows that its batch uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

_DOCUMENTS_AT_ONCE = 1024


@dataclass(frozen=True)
class Loss:
    """Binary cross-entropy of the shortlisted labels."""

    total: Tensor

    @property
    def parts(self) -> dict[str, Tensor]:
        return {"classifier_loss": self.total}


class LightDXML(nn.Module):
    """Encoder and classifiers (arXiv 2304.11045, section 3).

    The embeddings of the labels are not among its parameters: they are trained separately and kept for prediction.
    """

    label_embeddings: Tensor

    def __init__(self, features: int, labels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.tokens = nn.EmbeddingBag(features, width, mode="sum", sparse=True)
        self.residual = nn.Linear(width, width)
        self.classifiers = nn.Embedding(labels, width + 1, sparse=True)  # the last column is the bias
        self.dropout = dropout
        self.register_buffer("label_embeddings", torch.zeros(labels, width))
        nn.init.eye_(self.residual.weight)
        nn.init.zeros_(self.residual.bias)
        nn.init.xavier_uniform_(self.classifiers.weight)

    def encode(self, X: sparse.csr_matrix) -> Tensor:
        """float32[N, width]: the weighted sum of token embeddings, then ReLU, dropout and a residual block."""
        device = self.residual.weight.device
        return self.encode_values(X, torch.from_numpy(X.data.astype(np.float32)).to(device))

    def encode_values(self, X: sparse.csr_matrix, weights: Tensor) -> Tensor:
        """The same with other values float32[nnz] in the places of X."""
        inputs = (X.indices.astype(np.int64), X.indptr[:-1].astype(np.int64))
        ids, offsets = (torch.from_numpy(array).to(weights.device) for array in inputs)
        summed = self.drop(torch.relu(self.tokens(ids, offsets, per_sample_weights=weights)))
        return summed + self.drop(torch.relu(self.residual(summed)))

    def drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)

    @torch.no_grad()
    def encode_all(self, X: sparse.csr_matrix) -> Tensor:
        """`encode` for any number of documents, without dropout or gradients."""
        training = self.training
        self.eval()
        starts = range(0, X.shape[0], _DOCUMENTS_AT_ONCE)
        encoded = torch.cat([self.encode(X[start : start + _DOCUMENTS_AT_ONCE]) for start in starts])
        self.train(training)
        return encoded

    def logits(self, encoded: Tensor, labels: Tensor) -> Tensor:
        """float32[N, U]: the logits of the labels int64[U] for encoded documents."""
        rows = self.classifiers(labels)
        return encoded @ rows[:, :-1].T + rows[:, -1]

    def loss(self, X: sparse.csr_matrix, Y: sparse.csr_matrix, shortlist: np.ndarray) -> Loss:
        """Binary cross-entropy summed over each document's shortlist and positive labels, averaged over documents.

        X: CSR N × D. Y: CSR N × L. shortlist: int64[N, K], -1 for none.
        """
        labels, scored, target = shortlisted(Y, shortlist)
        device = self.residual.weight.device
        logits = self.logits(self.encode(X), torch.from_numpy(labels).to(device))
        each = functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(target).to(device), torch.from_numpy(scored).to(device), reduction="sum"
        )
        return Loss(each / X.shape[0])


def shortlisted(Y: sparse.csr_matrix, shortlist: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int64[U], the labels scored for any document of a batch; which of them are scored per document; its own labels.

    The latter two are float32[N, U] of ones and zeros. The labels in Y are always scored.
    """
    documents, kept = np.repeat(np.arange(len(shortlist)), shortlist.shape[1]), shortlist.ravel()
    documents, kept = documents[kept >= 0], kept[kept >= 0]
    owners = np.repeat(np.arange(len(shortlist)), np.diff(Y.indptr))
    labels, places = np.unique(np.concatenate([kept, Y.indices]), return_inverse=True)
    scored = np.zeros((len(shortlist), len(labels)), np.float32)
    target = np.zeros_like(scored)
    scored[documents, places[: len(kept)]] = 1.0
    scored[owners, places[len(kept) :]] = 1.0
    target[owners, places[len(kept) :]] = 1.0
    return labels.astype(np.int64), scored, target
