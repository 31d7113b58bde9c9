"""Corpora of a wanted shape, made from a seed: topics, a Zipf tail of labels, words that say some of the labels.

Labels sit in topics of 64. A document draws a primary label (Zipf 0.6; half of all labels are forced to occur) and
takes three quarters of its other labels from the same topic. Of its words 8% come from the words of one of its labels,
22% from its topic's, the rest from a Zipf background; 15% of its labels are silent, so that no method can be perfect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

_TOPIC, _LABEL_WORDS, _TOPIC_WORDS = 64, 8, 60
_OWN, _OF_TOPIC, _SILENT = 0.08, 0.22, 0.15
_SYLLABLES = [a + b for a in "bcdfghjklmnprstvwz" for b in "aeiou"]


@dataclass(frozen=True)
class Shape:
    """How large: labels, words known, labels and words a document on average."""

    labels: int
    vocabulary: int
    labels_per_document: float
    words_per_document: float


EURLEX_4K = Shape(3_956, 30_000, 5.15, 230)


@dataclass(frozen=True)
class Synthetic:
    """Y: float32 CSR documents × labels. words: int32, all documents end to end; offsets: int64[documents + 1]."""

    Y: sparse.csr_matrix
    words: np.ndarray
    offsets: np.ndarray
    vocabulary: int

    def texts(self, names: np.ndarray | None = None) -> list[str]:
        """The documents as made-up words. names: those of the vocabulary, where they are made already."""
        names = words(self.vocabulary) if names is None else names
        return [" ".join(names[self.words[a:b]]) for a, b in zip(self.offsets[:-1], self.offsets[1:], strict=True)]


def generate(documents: int, shape: Shape, seed: int) -> Synthetic:
    """`documents` documents of the shape's kind; the words of labels and topics depend on the shape alone."""
    random = np.random.default_rng([seed, documents])
    rows, labels = _labels(documents, shape, random)
    Y = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, labels)), shape=(documents, shape.labels))
    Y.data[:] = 1.0  # a label drawn twice counts once
    lengths = np.maximum(5, random.lognormal(np.log(shape.words_per_document) - 0.125, 0.5, documents)).astype(np.int64)
    words = _words(Y, lengths, shape, random)
    return Synthetic(Y, words, np.concatenate([[0], np.cumsum(lengths)]), shape.vocabulary)


def words(vocabulary: int) -> np.ndarray:
    """A pronounceable word for each number below `vocabulary`."""
    return np.array([word(i) for i in range(vocabulary)], dtype=object)


def word(index: int) -> str:
    """A pronounceable word for each number."""
    syllables = [_SYLLABLES[index % len(_SYLLABLES)]]
    while (index := index // len(_SYLLABLES)) > 0:
        syllables.append(_SYLLABLES[index % len(_SYLLABLES)])
    return "".join(syllables)


def zipf(count: int, exponent: float, size: int, random: np.random.Generator) -> np.ndarray:
    """int64[size] in [0, count): number i with a probability ∝ (i + 1)^(-exponent)."""
    cumulative = np.cumsum(np.arange(1, count + 1) ** -exponent)
    return np.searchsorted(cumulative, random.random(size) * cumulative[-1])


def _labels(documents: int, shape: Shape, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(document, label) pairs, sorted by document; a pair may occur twice."""
    shuffled = np.random.default_rng(shape.labels).permutation(shape.labels)  # rank in Zipf's order → label
    primary = shuffled[zipf(shape.labels, 0.6, documents, random)]
    forced = min(documents, shape.labels // 2)
    primary[random.permutation(documents)[:forced]] = random.permutation(shape.labels)[:forced]
    others = random.poisson(shape.labels_per_document - 1, documents)
    rows = np.repeat(np.arange(documents), others)
    near = primary[rows] // _TOPIC * _TOPIC + random.integers(0, _TOPIC, len(rows))
    far = shuffled[zipf(shape.labels, 0.6, len(rows), random)]
    chosen = np.where(random.random(len(rows)) < 0.75, np.minimum(near, shape.labels - 1), far)
    return np.concatenate([np.arange(documents), rows]), np.concatenate([primary, chosen])


def _words(Y: sparse.csr_matrix, lengths: np.ndarray, shape: Shape, random: np.random.Generator) -> np.ndarray:
    fixed = np.random.default_rng([shape.labels, shape.vocabulary])
    topics = -(-shape.labels // _TOPIC)
    of_label = fixed.integers(0, shape.vocabulary, (shape.labels, _LABEL_WORDS), dtype=np.int32)
    of_topic = fixed.integers(0, shape.vocabulary, (topics, _TOPIC_WORDS), dtype=np.int32)
    document = np.repeat(np.arange(len(lengths)), lengths)
    counts = np.diff(Y.indptr)[document]
    pair = Y.indptr[document] + (random.random(len(document)) * counts).astype(np.int64)
    label = Y.indices[pair]
    silent = (random.random(Y.nnz) < _SILENT)[pair]
    kind = random.random(len(document))
    words = zipf(shape.vocabulary, 1.0, len(document), random).astype(np.int32)
    own = (kind < _OWN) & ~silent
    words[own] = of_label[label[own], random.integers(0, _LABEL_WORDS, own.sum())]
    topical = (kind >= _OWN) & (kind < _OWN + _OF_TOPIC)
    words[topical] = of_topic[label[topical] // _TOPIC, random.integers(0, _TOPIC_WORDS, topical.sum())]
    return words
