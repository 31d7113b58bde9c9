"""Label clusters by a tree of balanced 2-means with cosine similarity."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError

_SAMPLE, _SAMPLED = 1 << 10, 1 << 12


def balanced_clusters(
    Z: sparse.csr_matrix,
    max_leaf: int = 100,
    seed: int = 0,
    tolerance: float = 1e-4,
    max_iterations: int = 20,
    threads: int = 1,
) -> sparse.csr_matrix:
    """float32 CSR L x C, one 1 a row: the cluster of each label, clusters numbered from left to right in the tree.

    Z: float32 CSR L x D of label features, rows of length 1 or 0. max_leaf: most labels in a cluster.
    Every node is halved by 2-means: two random labels are the first centres, labels are sorted by the difference of
    their two similarities (ties by label id) and cut in half, centres are recomputed, until the mean similarity of
    labels to their centres rises by less than `tolerance` (You et al. 2019, section 3.1; Prabhu et al. 2018).
    All leaves lie at the same depth, the least at which they hold `max_leaf` labels or fewer, so that the sizes of
    nodes of one level differ by at most 1.

    A node of more than `_SAMPLED` labels starts from the centres that a sample of `_SAMPLE` of them ends in.

    Each node draws from a generator of its own, seeded by (seed, level, place), so that the result depends on
    nothing else, the number of threads included. InputError for no labels or a max_leaf below 2.
    """
    labels = Z.shape[0]
    if labels == 0 or max_leaf < 2:
        raise InputError(f"cannot part {labels} labels into clusters of up to {max_leaf}: give 1 label and 2, or more")
    depth = 0
    while -(-labels // 2**depth) > max_leaf:
        depth += 1
    tree = _Tree(Z.astype(np.float32, copy=False), seed, tolerance, max_iterations)
    cluster_of = np.empty(labels, dtype=np.int64)
    for number, leaf in enumerate(tree.leaves(depth, threads)):
        cluster_of[leaf] = number
    ones = np.ones(labels, dtype=np.float32)
    return sparse.csr_matrix((ones, cluster_of, np.arange(labels + 1)), shape=(labels, 2**depth))


def leaf_objective(Z: sparse.csr_matrix, clusters: sparse.csr_matrix) -> float:
    """Mean over labels of the cosine between a label and the centroid of its cluster; higher is better.

    Z: CSR L x D, rows of length 1 or 0. clusters: CSR L x C. A cluster's labels have with its centroid, the sum s of
    their rows made length 1, similarities that add up to ‖s‖.
    """
    from lightxml_core.clustering.kernels import length_of_sum

    total = np.zeros(Z.shape[1])
    order = np.argsort(clusters.indices, kind="stable")
    leaves = np.split(order, np.cumsum(np.bincount(clusters.indices, minlength=clusters.shape[1]))[:-1])
    return sum(length_of_sum(Z.indptr, Z.indices, Z.data, leaf, total) for leaf in leaves) / Z.shape[0]


class _Tree:
    """Splits nodes, which are the ascending ids of their labels; the features stay where they are."""

    def __init__(self, Z: sparse.csr_matrix, seed: int, tolerance: float, max_iterations: int) -> None:
        self.Z, self.seed, self.search = Z, seed, (tolerance, max_iterations)
        self.scratch = threading.local()  # float32[2, D] of zeros, for each thread its own

    def leaves(self, depth: int, threads: int) -> list[np.ndarray]:
        """int64 label ids of each leaf, from left to right."""
        nodes = [np.arange(self.Z.shape[0])]
        with ThreadPoolExecutor(threads) as pool:
            for level in range(depth):
                halves = pool.map(self._split, nodes, repeat(level), range(len(nodes)))
                nodes = [half for both in halves for half in both]
        return nodes

    def _split(self, labels: np.ndarray, level: int, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Both halves of a node. A large one starts from the centres that a sample of its labels ends in."""
        random = np.random.default_rng([self.seed, level, place])
        direction = self._first_direction(labels, random)
        if len(labels) > _SAMPLED:
            self._halve(np.sort(random.choice(labels, _SAMPLE, replace=False)), direction)
        left = self._halve(labels, direction)
        return labels[left], labels[~left]

    def _halve(self, labels: np.ndarray, direction: np.ndarray) -> np.ndarray:
        from lightxml_core.clustering.kernels import halve

        if not hasattr(self.scratch, "sums"):
            self.scratch.sums = np.zeros((2, self.Z.shape[1]), np.float32)
        return halve(self.Z.indptr, self.Z.indices, self.Z.data, labels, direction, self.scratch.sums, *self.search)

    def _first_direction(self, labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """float32[D]: the row of one random label less that of another, of those with features where there are two."""
        eligible = labels[self.Z.indptr[labels] < self.Z.indptr[labels + 1]]
        first, second = random.choice(eligible if eligible.size > 1 else labels, size=2, replace=False)
        return np.asarray((self.Z[first] - self.Z[second]).todense(), dtype=np.float32).ravel()
