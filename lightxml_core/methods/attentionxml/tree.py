"""The probabilistic label tree: some levels of a tree of label clusters, and the nodes that a document visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lightxml_core.evaluation.metrics import top_k


@dataclass(frozen=True)
class LabelTree:
    """The levels from the top; the last level is the labels.

    node_of[t]: int64[L], the node of level t above each label. sizes[t]: the number of nodes of level t.
    """

    node_of: list[np.ndarray]
    sizes: list[int]

    def __len__(self) -> int:
        return len(self.sizes)

    def positives(self, Y: sparse.csr_matrix, level: int) -> sparse.csr_matrix:
        """float32 CSR N × nodes of ones: the nodes above the document's labels. Y: CSR N × L."""
        labels = Y.shape[1]
        under = (np.ones(labels, np.float32), (np.arange(labels), self.node_of[level]))
        return _ones(Y @ sparse.csr_matrix(under, shape=(labels, self.sizes[level])))

    def children(self, level: int) -> sparse.csr_matrix:
        """float32 CSR of ones, nodes of the level above × nodes of this level: the children of each node."""
        above, nodes = self.node_of[level - 1], self.node_of[level]
        pairs = sparse.csr_matrix((np.ones(len(above), np.float32), (above, nodes)), shape=self._shape(level))
        return _ones(pairs)

    def _shape(self, level: int) -> tuple[int, int]:
        return self.sizes[level - 1], self.sizes[level]


def label_tree(clusters: sparse.csr_matrix | None, labels: int, levels: list[int]) -> LabelTree:
    """The tree over clusters, CSR L × C, that are numbered from left to right in a binary tree.

    levels: the number of nodes of each level above the labels, from the top; none exceeds the number of clusters.
    """
    node_of = []
    for nodes in levels:
        assert clusters is not None and nodes <= clusters.shape[1]
        node_of.append(clusters.indices.astype(np.int64) * nodes // clusters.shape[1])
    return LabelTree([*node_of, np.arange(labels)], [*levels, labels])


def visited(best: sparse.csr_matrix, positives: sparse.csr_matrix, kept: int) -> sparse.csr_matrix:
    """float32 CSR N × nodes of ones: the nodes whose children are trained for a document.

    These are all positive nodes, then the best-scored ones until there are `kept`. best: CSR N × nodes of scores in
    (0, 1). positives: CSR N × nodes of ones.
    """
    return _ones(top_k(best + 2.0 * positives, kept) + positives)


def _ones(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    found = sparse.csr_matrix(matrix, dtype=np.float32)
    found.sum_duplicates()
    found.data[:] = 1.0
    return found


def padded(matrix: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A CSR matrix as padded rows: int64[N, K] columns, float32[N, K] values, bool[N, K] true for stored entries."""
    counts = np.diff(matrix.indptr)
    mask = np.arange(counts.max(initial=1)) < counts[:, None]
    columns, values = np.zeros(mask.shape, np.int64), np.zeros(mask.shape, np.float32)
    columns[mask], values[mask] = matrix.indices, matrix.data
    return columns, values, mask
