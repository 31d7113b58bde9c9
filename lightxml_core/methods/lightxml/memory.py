"""A memory of the training documents: those nearest to a document in the encoder's space vote for their labels.

The heads compress what was learnt into one vector per label. The documents themselves are still there to compare with,
which helps most with labels of few documents. (The idea of nearest-neighbour language models, Khandelwal et al., ICLR
2020, for labels.)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn.functional import normalize

from lightxml_core.evaluation.metrics import top_k as keep_best
from lightxml_core.files import load_array, load_csr, save_array, save_csr
from lightxml_core.methods.lightxml.settings import Neighbours

_VECTORS, _LABELS = "memory.npy", "memory-labels.npz"
_AT_ONCE = 1 << 25  # similarities


@dataclass(frozen=True)
class Memory:
    """vectors: float32[N, width] of length 1, on the model's device. Y: float32 CSR N × L of their labels."""

    vectors: Tensor
    Y: sparse.csr_matrix

    def votes(self, vectors: Tensor, how: Neighbours) -> sparse.csr_matrix:
        """float32 CSR B × L: the share of each label among the weighted votes of the nearest training documents.

        vectors: float[B, width]. A neighbour of cosine similarity s has a weight proportional to exp(s / temperature).
        """
        step = max(1, _AT_ONCE // len(self.vectors))
        return sparse.csr_matrix(sparse.vstack([self._block(part, how) for part in vectors.split(step)], format="csr"))

    def _block(self, vectors: Tensor, how: Neighbours) -> sparse.csr_matrix:
        with torch.autocast(vectors.device.type, enabled=False):
            similarity = _unit(vectors) @ self.vectors.T
        best, which = similarity.topk(min(how.neighbours, len(self.vectors)), dim=1)
        weights = (best / how.neighbour_temperature).softmax(1).cpu().numpy()
        starts = np.arange(0, weights.size + 1, weights.shape[1])
        shape = (len(vectors), len(self.vectors))
        return sparse.csr_matrix((weights.ravel(), which.cpu().numpy().ravel(), starts), shape=shape) @ self.Y


def save_memory(folder: Path, vectors: np.ndarray, Y: sparse.csr_matrix) -> None:
    """Keep float[N, width] vectors of the training documents, in 16 bits, and their labels, CSR N × L."""
    save_array(folder / _VECTORS, _unit(torch.from_numpy(vectors)).numpy().astype(np.float16))
    save_csr(folder / _LABELS, Y)


def load_memory(folder: Path, device: torch.device) -> Memory:
    """The memory in a model's folder."""
    vectors = torch.from_numpy(load_array(folder / _VECTORS)).to(device).float()
    return Memory(vectors, load_csr(folder / _LABELS))


def mixed(heads: sparse.csr_matrix, votes: sparse.csr_matrix, weight: float, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top_k` best labels by (1 - weight) · score of the heads + weight · votes."""
    return keep_best(sparse.csr_matrix((1.0 - weight) * heads + weight * votes), top_k)


def _unit(vectors: Tensor) -> Tensor:
    return normalize(vectors.float(), dim=1)
