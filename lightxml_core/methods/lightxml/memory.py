"""A memory of the training documents: those nearest to a document in the encoder's space vote for their labels.

The heads compress what was learnt into one vector per label. The documents themselves are still there to compare with,
which helps most with labels of few documents. (The idea of nearest-neighbour language models, Khandelwal et al., ICLR
2020, for labels.)
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
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
from lightxml_core.methods.transformer.prediction import Observe

_VECTORS, _LABELS, _ROWS = "memory.npy", "memory-labels.npz", "memory-rows.npy"
_AT_ONCE = 1 << 25  # similarities
NUMBERS = 1 << 27  # of vectors that are searched at once, as float32: 512 MiB

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Memory:
    """The training documents of a model.

    vectors: [N, width] of length 1: float32 on the model's device, or float16 there or mapped from the disk.
    Y: float32 CSR N × L of their labels. rows: int64[N], their places in the training data; None for a model of an
    earlier version. device: where similarities are computed.
    """

    vectors: Tensor
    Y: sparse.csr_matrix
    rows: np.ndarray | None
    device: torch.device

    def votes(self, vectors: Tensor, how: Neighbours) -> sparse.csr_matrix:
        """float32 CSR B × L: the share of each label among the weighted votes of the nearest training documents.

        vectors: float[B, width]. A neighbour of cosine similarity s has a weight proportional to exp(s / temperature).
        """
        similarity, which = self.nearest(vectors, how.neighbours)
        weights = (similarity / how.neighbour_temperature).softmax(1).cpu().numpy()
        starts = np.arange(0, weights.size + 1, weights.shape[1])
        shape = (len(vectors), len(self.vectors))
        return sparse.csr_matrix((weights.ravel(), which.cpu().numpy().ravel(), starts), shape=shape) @ self.Y

    def nearest(self, vectors: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Cosine similarities, float32[B, K], of the nearest training documents, best first, and their places.

        vectors: float[B, width]. The places, int64[B, K], are rows of `vectors` and `Y` of this memory. K is `count`,
        or the number of its documents if that is smaller.
        """
        with torch.autocast(vectors.device.type, enabled=False):
            wanted = _unit(vectors)
            found = [(start, *_nearest_in(block, wanted, count)) for start, block in self._blocks()]
        best = torch.cat([similarity for _, similarity, _ in found], 1)
        which = torch.cat([place + start for start, _, place in found], 1)
        if len(found) > 1:
            best, order = best.sort(dim=1, descending=True, stable=True)
            best, which = best[:, :count], which.gather(1, order[:, :count])
        return best, which

    def _blocks(self) -> Iterator[tuple[int, Tensor]]:
        """The vectors, float32[n, width] on the device, in blocks, each after the place of its first document."""
        step = max(1, NUMBERS // self.vectors.shape[1])
        for start in range(0, len(self.vectors), step):
            yield start, self.vectors[start : start + step].to(self.device).float()


def _nearest_in(block: Tensor, wanted: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`Memory.nearest` within a block, float32[n, width], for the vectors `wanted`, float32[B, width]."""
    parts = wanted.split(max(1, _AT_ONCE // len(block)))
    found = [(part @ block.T).topk(min(count, len(block)), dim=1) for part in parts]
    return torch.cat([best for best, _ in found]), torch.cat([which for _, which in found])


def save_memory(
    folder: Path, read: Callable[[Observe], None], width: int, Y: sparse.csr_matrix, rows: np.ndarray
) -> None:
    """Write the features of the training documents as float16[N, width], scaled to length 1, and their labels.

    read: calls its argument with the features of all documents, in batches. Y: CSR N × L. rows: int64[N], see `Memory`.
    """
    vectors = np.empty((len(rows), width), np.float16)

    def keep(places: np.ndarray, features: Tensor) -> None:
        vectors[places] = _unit(features.cpu()).numpy()

    read(keep)
    save_array(folder / _VECTORS, vectors)
    save_csr(folder / _LABELS, Y)
    save_array(folder / _ROWS, rows)


def load_memory(folder: Path, device: torch.device) -> Memory:
    """The memory in a model's folder. The vectors of a large one stay on the disk, see `_placed`."""
    stored = load_array(folder / _VECTORS, mmap=True)
    rows = load_array(folder / _ROWS) if (folder / _ROWS).is_file() else None
    return Memory(_placed(stored, device), load_csr(folder / _LABELS), rows, device)


def _placed(stored: np.ndarray, device: torch.device) -> Tensor:
    """Stored vectors, float16[N, width], where they are searched.

    At most `NUMBERS` are float32 on the device. More are float16: on a GPU if they take less than half of its free
    memory, else mapped from the disk, where the system caches what fits into memory.
    """
    if stored.size <= NUMBERS:
        return torch.from_numpy(np.array(stored)).to(device).float()
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # that the array is read-only
        mapped = torch.from_numpy(stored)
    if device.type == "cuda" and 2 * stored.nbytes < torch.cuda.mem_get_info(device)[0]:
        return mapped.to(device)
    if stored.nbytes > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
        log.warning(
            "the vectors of the training documents take %.1f GiB, more than this machine's memory: each batch of texts "
            "reads them from the disk",
            stored.nbytes / 2**30,
        )
    return mapped


def mixed(heads: sparse.csr_matrix, votes: sparse.csr_matrix, weight: float, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top_k` best labels by (1 - weight) · score of the heads + weight · votes."""
    return keep_best(sparse.csr_matrix((1.0 - weight) * heads + weight * votes), top_k)


def _unit(vectors: Tensor) -> Tensor:
    return normalize(vectors.float(), dim=1)
