"""Initial word vectors: read from a file, or learnt from the documents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.features.vector_files import read_vectors


def learn_vectors(X: sparse.csr_matrix, width: int, seed: int) -> np.ndarray:
    """float32[D, width]: the words of a documents × words matrix in its leading singular directions, of length 1.

    X: CSR N × D. Words that occur in the same documents get similar vectors. Columns beyond the rank are zeros.
    """
    from sklearn.utils.extmath import randomized_svd

    rank = min(width, *X.shape)
    _, values, directions = randomized_svd(X, rank, n_iter=4, random_state=seed)
    vectors = np.zeros((X.shape[1], width), np.float32)
    vectors[:, :rank] = directions.T * np.sqrt(values)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=vectors, where=lengths > 0))


def scaled_to(length: float, vectors: np.ndarray) -> np.ndarray:
    """float32, the shape of `vectors`: all rows times one factor, so that the mean length is `length`; 0: as they are.

    Rows of zeros, which words without documents have, stay zeros and do not count in the mean.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    if not length or not lengths.any():
        return vectors
    return np.asarray(vectors * (length / lengths[lengths > 0].mean()), np.float32)


Missing = Literal["like_others", "uniform"]
RANDOM, CORPUS = FIRST = "random", "corpus"  # values of the setting `vectors` that do not name a file


def from_file(vectors: str) -> bool:
    """Whether the setting `vectors` names a file."""
    return vectors not in FIRST


def first_vectors(
    file: Path | None,
    X: sparse.csr_matrix,
    column_of: Mapping[str, int],
    width: int,
    seed: int,
    missing: Missing = "like_others",
    spelt: Mapping[str, str] = MappingProxyType({}),
) -> np.ndarray:
    """float32[D, width]: a vector per column of X, read from a file, or learnt from X if there is none.

    column_of: word → column. spelt: word → the word of the file whose vector it gets, if the spelling differs.
    A word that is not in the file gets a random vector: of the mean length of the others and a uniformly random
    direction (`like_others`), or of numbers from U(-1, 1) (`uniform`).
    InputError for a file of another width, or features that have no words.
    """
    if file is None:
        return learn_vectors(X, width, seed)
    if not column_of:
        raise InputError(f"the features name no words to look up in {file}: use `vectors: random` or `corpus`")
    found = read_vectors(file, {spelt.get(word, word) for word in column_of})
    if len(next(iter(found.values()))) != width:
        raise InputError(f"{file} has vectors of {len(next(iter(found.values())))} numbers: set `width` to that")
    vectors = _random_vectors((X.shape[1], width), missing, found, np.random.default_rng(seed))
    for word, column in column_of.items():
        vector = found.get(spelt.get(word, word))
        if vector is not None:
            vectors[column] = vector
    return vectors


def _random_vectors(
    shape: tuple[int, int], missing: Missing, found: Mapping[str, np.ndarray], random: np.random.Generator
) -> np.ndarray:
    """float32 of the given shape: vectors for words that have none."""
    if missing == "uniform":
        return random.uniform(-1.0, 1.0, shape).astype(np.float32)
    length = np.mean([np.linalg.norm(vector) for vector in found.values()])
    vectors = random.standard_normal(shape).astype(np.float32) / np.sqrt(shape[1])
    return np.asarray(vectors * length)
