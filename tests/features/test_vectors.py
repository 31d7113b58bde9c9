"""Word vectors: files in all usual formats, faults with their lines, and vectors learnt from a corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.features.vector_files import read_vectors
from lightxml_core.features.vectors import first_vectors, learn_vectors, scaled_to


def test_files_with_and_without_a_header_and_words_with_spaces(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    for header in ("", "3 2\n"):
        path.write_text(f"{header}cat 1 2\nat name . 3 4\ndog -0.5 1e-2\n", encoding="utf-8")
        found = read_vectors(path, {"cat", "at name .", "dog", "cow"})
        assert {word: vector.tolist() for word, vector in found.items()} == {
            "cat": [1, 2],
            "at name .": [3, 4],
            "dog": [np.float32(-0.5), np.float32(0.01)],
        }


def test_the_first_of_several_vectors_of_a_word_counts(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("cat 1 2\ndog 5 6\ncat 3 4\n", encoding="utf-8")
    found = read_vectors(tmp_path / "vectors.txt", {"cat", "dog"})
    assert {word: vector.tolist() for word, vector in found.items()} == {"cat": [1, 2], "dog": [5, 6]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cat 1 2\ndog 1 x\n", r"line 2: expected a word and 2 numbers"),
        ("cat 1 2\ndog 1\n", r"line 2: expected a word and 2 numbers"),
        ("cat 1 nan\n", r"line 1: expected a word and 2 numbers"),
        ("cow 1 2\n", "has no vectors for the words of the corpus"),
        ("", "has no vectors for the words of the corpus"),
    ],
)
def test_faults_in_vectors_are_reported_with_their_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_vectors(tmp_path / "vectors.txt", {"cat", "dog"})


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(data)
    try:
        found = read_vectors(path, {"a", "b", "1"})
    except InputError:
        return
    assert all(vector.dtype == np.float32 and np.isfinite(vector).all() for vector in found.values())


def test_learnt_vectors_span_the_space_of_a_full_decomposition() -> None:
    X = sparse.random(40, 15, 0.3, "csr", np.float32, np.random.default_rng(2))
    found = learn_vectors(X, 4, seed=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1)[np.diff(X.tocsc().indptr) > 0], 1, rtol=1e-5)
    _, values, directions = np.linalg.svd(X.toarray(), full_matrices=False)
    expected = directions[:4].T * np.sqrt(values[:4])
    expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-12)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-3)
    assert np.array_equal(found, learn_vectors(X, 4, seed=1))
    assert (learn_vectors(X, 20, seed=1)[:, 15:] == 0).all()


@given(
    arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-100, 100, width=16)),
    st.floats(0.125, 64),
)
@settings(deadline=None)
def test_scaled_vectors_have_that_mean_length_and_the_same_directions(vectors: np.ndarray, length: float) -> None:
    assert scaled_to(0.0, vectors) is vectors
    found, own = scaled_to(length, vectors), np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
    assert found.dtype == np.float32 and not found[own[:, 0] == 0].any()
    if own.any():
        lengths = np.linalg.norm(found.astype(float), axis=1, keepdims=True)
        assert lengths[own > 0].mean() == pytest.approx(length, rel=1e-4)
        np.testing.assert_allclose(found * own, vectors * lengths, rtol=1e-3, atol=1e-4 * (own * lengths).max())


def test_words_without_a_vector_get_random_ones_of_that_length(tmp_path: Path) -> None:
    """The other words have the vectors of the file."""
    X = sparse.csr_matrix(np.eye(3, dtype=np.float32))
    (tmp_path / "v.txt").write_text("b 3 4\n", encoding="utf-8")
    found = first_vectors(tmp_path / "v.txt", X, {"a": 0, "b": 2, "c": 1}, 2, seed=0)
    assert found[2].tolist() == [3, 4] and 0.1 < np.linalg.norm(found[0]) / 5 < 4
    with pytest.raises(InputError, match="set `width` to that"):
        first_vectors(tmp_path / "v.txt", X, {"b": 0}, 5, seed=0)
    with pytest.raises(InputError, match="the features name no words"):
        first_vectors(tmp_path / "v.txt", X, {}, 2, seed=0)
    np.testing.assert_array_equal(first_vectors(None, X, {}, 2, 3), learn_vectors(X, 2, 3))


def test_uniform_random_vectors_and_words_with_another_spelling(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text(". 7 8\nb 3 4\n", encoding="utf-8")
    column_of = {**{f"w{n}": n for n in range(2000)}, "b": 2000, "/SEP/": 2001}
    X = sparse.csr_matrix((3, 2002), dtype=np.float32)
    found = first_vectors(tmp_path / "v.txt", X, column_of, 2, 0, "uniform", {"/SEP/": "."})
    assert found.dtype == np.float32 and found[2000:].tolist() == [[3, 4], [7, 8]]
    drawn = found[:2000]
    assert -1 <= drawn.min() < -0.99 and 0.99 < drawn.max() <= 1
    assert abs(drawn.mean()) < 0.05 and drawn.var() == pytest.approx(1 / 3, rel=0.05)
    assert np.array_equal(found, first_vectors(tmp_path / "v.txt", X, column_of, 2, 0, "uniform", {"/SEP/": "."}))
