"""Label clusters by a tree of balanced 2-means with cosine similarity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError


@dataclass(frozen=True)
class _Search:
    """How each node of the tree looks for its split."""

    seed: int
    tolerance: float
    max_iterations: int


def balanced_clusters(
    Z: sparse.csr_matrix, max_leaf: int = 100, seed: int = 0, tolerance: float = 1e-4, max_iterations: int = 20
) -> sparse.csr_matrix:
    """float32 CSR L x C, one 1 a row: the cluster of each label, clusters numbered from left to right in the tree.

    Z: float32 CSR L x D of label features, rows of length 1 or 0. max_leaf: most labels in a cluster.
    Every node is halved by 2-means: two random labels are the first centres, labels are sorted by the difference of
    their two similarities (ties by label id) and cut in half, centres are recomputed, until the mean similarity of
    labels to their centres rises by less than `tolerance` (You et al. 2019, section 3.1; Prabhu et al. 2018).
    All leaves lie at the same depth, the least at which they hold `max_leaf` labels or fewer, so that the sizes of
    nodes of one level differ by at most 1.

    Each node draws from a generator of its own, seeded by (seed, level, place), so that the result depends on
    nothing else. InputError for no labels or a max_leaf below 2.
    """
    labels = Z.shape[0]
    if labels == 0 or max_leaf < 2:
        raise InputError(f"cannot part {labels} labels into clusters of up to {max_leaf}: give 1 label and 2, or more")
    depth = 0
    while -(-labels // 2**depth) > max_leaf:
        depth += 1
    search = _Search(seed, tolerance, max_iterations)
    cluster_of = np.zeros(labels, dtype=np.int64)
    _descend(Z.astype(np.float32, copy=False), np.arange(labels), (0, 0), depth, search, cluster_of)
    ones = np.ones(labels, dtype=np.float32)
    return sparse.csr_matrix((ones, cluster_of, np.arange(labels + 1)), shape=(labels, 2**depth))


def leaf_objective(Z: sparse.csr_matrix, clusters: sparse.csr_matrix) -> float:
    """Mean over labels of the cosine between a label and the centroid of its cluster; higher is better.

    Z: CSR L x D, rows of length 1 or 0. clusters: CSR L x C. A cluster's labels have with its centroid, the sum s of
    their rows made length 1, similarities that add up to ‖s‖.
    """
    sums = sparse.csr_matrix(clusters.T @ Z)
    squares = np.asarray(sums.multiply(sums).sum(axis=1), dtype=np.float64)
    return float(np.sqrt(squares).sum() / Z.shape[0])


def _descend(
    Z: sparse.csr_matrix, labels: np.ndarray, node: tuple[int, int], depth: int, search: _Search, out: np.ndarray
) -> None:
    """Number the leaves below `node` = (level, place), which holds `labels` with the features Z, into `out`."""
    level, place = node
    if level == depth:
        out[labels] = place
        return
    Z = _without_empty_columns(Z)
    left = _split(Z, search, np.random.default_rng([search.seed, level, place]))
    for side, members in enumerate((np.flatnonzero(left), np.flatnonzero(~left))):
        _descend(Z[members], labels[members], (level + 1, 2 * place + side), depth, search, out)


def _split(Z: sparse.csr_matrix, search: _Search, random: np.random.Generator) -> np.ndarray:
    """bool[labels]: which half each row of Z belongs to; True for the first, which gets the odd one."""
    first, second = _two_centres(Z, random)
    whole = _sum_of(Z, np.ones(Z.shape[0], dtype=np.float32))
    left = _halve(Z @ (first - second))
    before = -np.inf
    for _ in range(search.max_iterations):
        first = _sum_of(Z, left.astype(np.float32))
        second = whole - first
        lengths = np.linalg.norm(first), np.linalg.norm(second)
        similarity = float(sum(lengths)) / Z.shape[0]  # of the labels to the centres of the halves they are in
        if similarity - before < search.tolerance:
            break
        before = similarity
        left = _halve(Z @ (first / max(lengths[0], 1e-30) - second / max(lengths[1], 1e-30)))
    return left


def _two_centres(Z: sparse.csr_matrix, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Dense rows of two random labels, of those with features where there are two."""
    eligible = np.flatnonzero(np.diff(Z.indptr))
    if eligible.size < 2:
        eligible = np.arange(Z.shape[0])
    first, second = Z[random.choice(eligible, size=2, replace=False)].toarray()
    return first, second


def _halve(preference: np.ndarray) -> np.ndarray:
    """bool[labels]: the half with the highest preference, the lower label id where they tie."""
    left = np.zeros(preference.size, dtype=bool)
    left[np.argsort(-preference, kind="stable")[: (preference.size + 1) // 2]] = True
    return left


def _sum_of(Z: sparse.csr_matrix, chosen: np.ndarray) -> np.ndarray:
    """float32[D]: the sum of the rows with a 1 in `chosen`."""
    return np.asarray(Z.T @ chosen)


def _without_empty_columns(Z: sparse.csr_matrix) -> sparse.csr_matrix:
    """Z without the columns that none of its rows uses, so that a node's cost falls with its size."""
    used = np.zeros(Z.shape[1], dtype=bool)
    used[Z.indices] = True
    number = np.cumsum(used) - 1
    indices = number[Z.indices].astype(Z.indices.dtype)
    return sparse.csr_matrix((Z.data, indices, Z.indptr), shape=(Z.shape[0], int(used.sum())))
