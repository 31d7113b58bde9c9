"""Label clusters by a tree of balanced 2-means with cosine similarity."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import NamedTuple

import numpy as np
from scipy import sparse

from lightxml_core.clustering.kernels import Rows, cut_out, halve, length_of_sum, set_difference
from lightxml_core.errors import InputError

_SAMPLE, _SAMPLED = 1 << 10, 1 << 12
_SHARE = 16  # a node with fewer than 1/_SHARE of the rows of its matrix gets its own matrix


def balanced_clusters(
    Z: sparse.csr_matrix,
    max_leaf: int = 100,
    seed: int = 0,
    tolerance: float = 1e-4,
    max_iterations: int = 20,
    threads: int = 1,
) -> sparse.csr_matrix:
    """float32 CSR L × C, one 1 per row: the cluster of each label, clusters numbered from left to right in the tree.

    Z: float32 CSR L × D of label features, rows of length 1 or 0. max_leaf: largest number of labels in a cluster.
    Every node is halved by 2-means: two random labels are the first centres. Labels are sorted by the difference of
    their two similarities (ties by label id) and cut in half, then the centres are recomputed. This repeats until the
    mean similarity of labels to their centres rises by less than `tolerance` (You et al. 2019, section 3.1; Prabhu et
    al. 2018). All leaves are at the same depth, the smallest at which they have at most `max_leaf` labels, so the sizes
    of the nodes of one level differ by at most 1.

    A node of more than `_SAMPLED` labels starts from the final centres of a sample of `_SAMPLE` of its labels.

    The random numbers of a node depend only on seed, level and place, so the result does not depend on the number of
    threads. InputError for no labels or a max_leaf below 2.
    """
    labels = Z.shape[0]
    if labels == 0 or max_leaf < 2:
        raise InputError(
            f"{labels} labels cannot be divided into clusters of up to {max_leaf}: at least 1 label and `max_leaf: 2` "
            "are needed"
        )
    depth = 0
    while -(-labels // 2**depth) > max_leaf:
        depth += 1
    tree = _Tree(Z.astype(np.float32, copy=False), seed, tolerance, max_iterations, depth)
    cluster_of = np.empty(labels, dtype=np.int64)
    for number, leaf in enumerate(tree.leaves(threads)):
        cluster_of[leaf] = number
    ones = np.ones(labels, dtype=np.float32)
    return sparse.csr_matrix((ones, cluster_of, np.arange(labels + 1)), shape=(labels, 2**depth))


def leaf_objective(Z: sparse.csr_matrix, clusters: sparse.csr_matrix) -> float:
    """Mean over labels of the cosine between a label and the centroid of its cluster; higher is better.

    Z: CSR L × D, rows of length 1 or 0. clusters: CSR L × C. With s the sum of the rows of a cluster's labels, the
    centroid is s / ‖s‖, so the similarities of these labels to it add up to ‖s‖.
    """
    total = np.zeros(Z.shape[1])
    order = np.argsort(clusters.indices, kind="stable")
    leaves = np.split(order, np.cumsum(np.bincount(clusters.indices, minlength=clusters.shape[1]))[:-1])
    return sum(length_of_sum(Z.indptr, Z.indices, Z.data, leaf, total) for leaf in leaves) / Z.shape[0]


class _Node(NamedTuple):
    """Labels to split: int64 ascending ids, and their rows in `matrix`, which has `width` columns."""

    labels: np.ndarray
    rows: np.ndarray
    matrix: Rows
    width: int


class _Tree:
    """Splits nodes. The features are not copied, except small shares of them, because these are then read faster."""

    def __init__(self, Z: sparse.csr_matrix, seed: int, tolerance: float, max_iterations: int, depth: int) -> None:
        self.seed, self.search, self.depth = seed, (tolerance, max_iterations), depth
        every = np.arange(Z.shape[0])
        self.root = _Node(every, every, Rows(Z.indptr, Z.indices.view(f"u{Z.indices.itemsize}"), Z.data), Z.shape[1])
        self.drawn = [np.random.default_rng([seed, level]).random((2**level, 2)) for level in range(depth)]

    def leaves(self, threads: int) -> list[np.ndarray]:
        """int64 label ids of each leaf, from left to right."""
        nodes, level = [self.root], 0
        with ThreadPoolExecutor(threads) as pool:
            while level < self.depth and not self._small(nodes[0]):
                halves = pool.map(self._split, nodes, repeat(level), range(len(nodes)))
                nodes, level = [half for both in halves for half in both], level + 1
            parts = pool.map(self._below, nodes, repeat(level), range(len(nodes)))
            return [leaf for part in parts for leaf in part]

    def _small(self, node: _Node) -> bool:
        return len(node.rows) * _SHARE < len(node.matrix.indptr)

    def _below(self, node: _Node, level: int, place: int) -> list[np.ndarray]:
        """The leaves under a node; int64 label ids."""
        if level == self.depth:
            return [node.labels]
        if self._small(node):
            matrix, width = cut_out(node.matrix, node.rows, np.full(node.width, -1, np.int32))
            node = _Node(node.labels, np.arange(len(node.labels)), matrix, width)
        first, second = self._split(node, level, place)
        return self._below(first, level + 1, 2 * place) + self._below(second, level + 1, 2 * place + 1)

    def _split(self, node: _Node, level: int, place: int) -> tuple[_Node, _Node]:
        """Both halves of a node. A large node starts from the final centres of a sample of its labels."""
        direction, sums = np.empty(node.width, np.float32), np.empty((2, node.width), np.float32)
        set_difference(node.matrix, *self._first_centres(node, level, place), direction)
        if len(node.rows) > _SAMPLED:
            random = np.random.default_rng([self.seed, level, place])
            sample = np.sort(random.choice(node.rows, _SAMPLE, replace=False))
            halve(node.matrix, sample, direction, sums, *self.search)
        left = halve(node.matrix, node.rows, direction, sums, *self.search)
        first, second = (node._replace(labels=node.labels[half], rows=node.rows[half]) for half in (left, ~left))
        return first, second

    def _first_centres(self, node: _Node, level: int, place: int) -> tuple[int, int]:
        """Two random rows of a node, chosen among those with features if there are at least two."""
        eligible = node.rows[node.matrix.indptr[node.rows] < node.matrix.indptr[node.rows + 1]]
        rows = eligible if eligible.size > 1 else node.rows
        first, step = self.drawn[level][place]
        at, further = int(first * len(rows)), 1 + int(step * (len(rows) - 1))
        return rows[at], rows[(at + further) % len(rows)]
