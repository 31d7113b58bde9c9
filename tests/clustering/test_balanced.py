from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lightxml_core.clustering.balanced import balanced_clusters, leaf_objective
from lightxml_core.errors import InputError
from lightxml_core.features.labels import label_features, normalise_rows


def random_features(labels: int, seed: int, width: int = 40, density: float = 0.1) -> sparse.csr_matrix:
    values = sparse.random(labels, width, density, format="csr", random_state=np.random.default_rng(seed))
    return normalise_rows(sparse.csr_matrix(values))


def planted(clusters: int, size: int, seed: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Labels in random order, each with features near one of a few directions, which have separate words."""
    random = np.random.default_rng(seed)
    belongs = random.permutation(np.repeat(np.arange(clusters), size))
    words = (belongs[:, None] == np.repeat(np.arange(clusters), 5)) * random.uniform(
        0.5, 1.5, (belongs.size, 5 * clusters)
    )
    return normalise_rows(sparse.csr_matrix(words + 0.1 * (random.random(words.shape) < 0.1))), belongs


def numbers(clusters: sparse.csr_matrix) -> np.ndarray:
    assert clusters.data.tolist() == [1.0] * clusters.shape[0]
    assert np.diff(clusters.indptr).tolist() == [1] * clusters.shape[0]
    return np.asarray(clusters.indices)


@given(labels=st.integers(1, 90), max_leaf=st.integers(2, 20), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_sizes_differ_by_at_most_one_at_every_level(labels: int, max_leaf: int, seed: int) -> None:
    clusters = balanced_clusters(random_features(labels, seed), max_leaf, seed)
    of, leaves = numbers(clusters), clusters.shape[1]
    while leaves >= 1:
        sizes = np.bincount(of, minlength=leaves)
        assert sizes.sum() == labels and sizes.max() - sizes.min() <= 1 and sizes.min() > 0
        if leaves == clusters.shape[1]:
            assert sizes.max() <= max_leaf
        of, leaves = of // 2, leaves // 2
    assert clusters.shape[1] == 1 or -(-labels // (clusters.shape[1] // 2)) > max_leaf  # no deeper than needed


def test_the_result_depends_only_on_the_seed() -> None:
    Z = random_features(200, 0)
    once, again, other = (numbers(balanced_clusters(Z, 10, seed)) for seed in (5, 5, 6))
    assert (once == again).all() and (once != other).any()


def test_indices_of_64_bits_give_the_same() -> None:
    Z = random_features(300, 4)
    wide = Z.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    assert (numbers(balanced_clusters(wide, 10, 1)) == numbers(balanced_clusters(Z, 10, 1))).all()


def test_more_than_2_to_the_31_label_features_are_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    X, Y = (sparse.random(300, width, 0.1, "csr", np.float32, np.random.default_rng(0)) for width in (50, 80))
    expected = label_features(X, Y)
    monkeypatch.setattr("lightxml_core.features.labels._MOST_VALUES", 0)
    found = label_features(X, Y, tmp_path)
    assert (found.indices.dtype, found.indptr.dtype) == (np.int32, np.int64)
    clusters = balanced_clusters(found, 10, 1)
    assert (numbers(clusters) == numbers(balanced_clusters(expected, 10, 1))).all()
    assert leaf_objective(found, clusters) == leaf_objective(expected, clusters)


def test_threads_do_not_change_clusters_and_sampling_hardly_their_quality() -> None:
    Z = random_features(6000, 1, width=200)  # large enough for the root to start from a sample
    alone, together = (numbers(balanced_clusters(Z, 100, 3, threads=threads)) for threads in (1, 4))
    assert (alone == together).all()
    reached = leaf_objective(Z, sparse.csr_matrix(np.eye(64, dtype=np.float32)[alone]))
    assert reached >= 0.98 * leaf_objective(Z, reference_clusters(Z, 100, 3))


def reference_clusters(Z: sparse.csr_matrix, max_leaf: int, seed: int) -> sparse.csr_matrix:
    """A plain implementation of balanced 2-means on dense rows, without sampling."""
    random, nodes = np.random.default_rng(seed), [np.arange(Z.shape[0])]
    while max(map(len, nodes)) > max_leaf:
        nodes = [half for node in nodes for half in reference_halves(Z[node].toarray(), node, random)]
    of = np.empty(Z.shape[0], dtype=int)
    for number, node in enumerate(nodes):
        of[node] = number
    return sparse.csr_matrix(np.eye(len(nodes), dtype=np.float32)[of])


def reference_halves(rows: np.ndarray, node: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
    centres = rows[random.choice(len(rows), 2, replace=False)]
    before, size = -np.inf, (len(rows) + 1) // 2
    while True:
        order = np.argsort(-(rows @ (centres[0] - centres[1])), kind="stable")
        halves = [np.sort(order[:size]), np.sort(order[size:])]
        sums = [rows[half].sum(axis=0) for half in halves]
        now = sum(np.linalg.norm(one) for one in sums) / len(rows)
        if now - before < 1e-4:
            return [node[half] for half in halves]
        before, centres = now, np.stack([one / np.linalg.norm(one) for one in sums])


def test_a_subtree_depends_on_its_own_labels_only() -> None:
    # at the root one strong word per half splits labels 0 to 63 from 64 to 127; the contents of the second half must
    # not change how the first half is split
    def half(seed: int) -> sparse.csr_matrix:
        strong = sparse.csr_matrix(np.full((64, 1), 2.0))
        return sparse.hstack([strong, random_features(64, seed, width=30, density=0.3)])

    found = []
    for seed in (2, 3):
        Z = normalise_rows(sparse.csr_matrix(sparse.block_diag([half(1), half(seed)])))
        found.append(numbers(balanced_clusters(Z, 16, seed=4)))
    first, second = found
    assert len(set(first[:64].tolist())) == len(set(second[:64].tolist())) == 4
    assert (first[:64] == second[:64]).all() and (first[64:] != second[64:]).any()


@pytest.mark.parametrize("seed", range(3))
def test_planted_clusters_are_recovered(seed: int) -> None:
    Z, belongs = planted(2, 30, seed)
    found = numbers(balanced_clusters(Z, 30, seed))
    assert len(set(zip(belongs.tolist(), found.tolist(), strict=True))) == 2
    Z, belongs = planted(8, 25, seed)
    best = leaf_objective(Z, sparse.csr_matrix(np.eye(8)[belongs]))
    random = leaf_objective(Z, sparse.csr_matrix(np.eye(8)[np.random.default_rng(seed).permutation(belongs)]))
    found_objective = leaf_objective(Z, balanced_clusters(Z, 25, seed))
    assert found_objective > random + 0.5 * (best - random)


def test_by_hand() -> None:
    # two directions, labels 0, 2, 3 on one and 1, 4 on the other; the first half has three labels: those of the
    # first direction, or those of the second and the lowest of the first
    Z = sparse.csr_matrix(np.eye(2, dtype=np.float32)[[0, 1, 0, 0, 1]])
    found = {tuple(numbers(balanced_clusters(Z, 3, seed)).tolist()) for seed in range(20)}
    assert found == {(0, 1, 0, 0, 1), (0, 0, 1, 1, 0)}


def test_labels_without_features_are_split_by_label_id() -> None:
    assert numbers(balanced_clusters(sparse.csr_matrix((7, 3), dtype=np.float32), 2, 0)).tolist() == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
    ]
    Z = sparse.csr_matrix(np.array([[1, 0], [0, 0], [0, 0], [0, 1]], dtype=np.float32))
    found = numbers(balanced_clusters(Z, 2, 0)).tolist()
    assert found[0] != found[3] and found[1:3] == [0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_labels_without_features_are_not_initial_centres(seed: int) -> None:
    Z = sparse.csr_matrix(np.vstack([np.eye(2), np.zeros((10, 2))]).astype(np.float32))
    found = numbers(balanced_clusters(Z, 6, seed))
    assert found[0] != found[1]


@pytest.mark.parametrize("seed", range(5))
def test_a_split_is_better_than_random_halves(seed: int) -> None:
    Z = random_features(80, seed)
    found = leaf_objective(Z, balanced_clusters(Z, 40, seed))
    random = np.random.default_rng(seed)
    halves = [np.eye(2)[random.permutation(80) % 2] for _ in range(20)]
    assert found > max(leaf_objective(Z, sparse.csr_matrix(half)) for half in halves)


@pytest.mark.parametrize("seed", range(3))
def test_more_iterations_never_hurt_a_split(seed: int) -> None:
    Z = random_features(120, seed)
    reached = [leaf_objective(Z, balanced_clusters(Z, 60, seed, tolerance=0.0, max_iterations=n)) for n in range(6)]
    assert (np.diff(reached) > -1e-6).all() and reached[-1] > reached[0]


def test_objective_agrees_with_dense_arithmetic() -> None:
    Z = random_features(30, 2, density=0.05)
    clusters = balanced_clusters(Z, 8, 2)
    assert (np.diff(Z.indptr) == 0).any()
    dense, of = Z.toarray().astype(float), numbers(clusters)
    cosines = []
    for label in range(30):
        centroid = dense[of == of[label]].mean(axis=0)
        length = np.linalg.norm(centroid)
        cosines.append(dense[label] @ centroid / length if length else 0.0)
    assert leaf_objective(Z, clusters) == pytest.approx(np.mean(cosines), rel=1e-5)


def test_impossible_sizes_are_refused() -> None:
    for shape, max_leaf in (((0, 3), 10), ((3, 3), 1)):
        with pytest.raises(InputError, match="at least 1 label and"):
            balanced_clusters(sparse.csr_matrix(shape, dtype=np.float32), max_leaf)
