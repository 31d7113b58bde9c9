"""Statistics of a corpus, by which a copy of it is recognised."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.corpus.labels import documents_without_labels, label_frequencies
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.definitions.corpus import Expected
from lightxml_core.definitions.kinds import plain
from lightxml_core.errors import InputError

TOLERANCE = 0.01  # relative; published means are rounded, and papers count words differently
DIGITS = 4


def statistics(
    Y_trn: csr_matrix, Y_tst: csr_matrix, words_trn: np.ndarray | None, words_tst: np.ndarray | None, empty_texts: int
) -> dict[str, Any]:
    """The contents of `stats.json`. words_trn, words_tst: int[N], the number of words in each text, split at white
    space; None for a source without texts.

    `labels_per_document` and `documents_per_label` are means over the *training* part, the latter over all L labels of
    both parts: labels_trn / N_trn and labels_trn / L. The tables of the AttentionXML and LightXML papers count so:
    14,146 x 18.64 / 30,938 = 8.52 for Wiki10-31K, where including the test documents would give 12.51. AmazonCat-13K,
    Amazon-670K and Wiki-500K agree to the digits given. (Eurlex-4K's 20.79 differs by 0.4% from what its 5.30 gives.)
    The other counts are over both parts.
    """
    training = label_frequencies(Y_trn)
    return {
        "documents_trn": Y_trn.shape[0],
        "documents_tst": Y_tst.shape[0],
        "labels": Y_trn.shape[1],
        "labels_per_document": _mean(Y_trn.nnz, Y_trn.shape[0]),
        "documents_per_label": _mean(Y_trn.nnz, Y_trn.shape[1]),
        "words_per_document_trn": _mean(_total(words_trn), Y_trn.shape[0]),
        "words_per_document_tst": _mean(_total(words_tst), Y_tst.shape[0]),
        "labels_without_training_documents": int(np.count_nonzero(training == 0)),
        "empty_texts": empty_texts,
        "documents_without_labels": len(documents_without_labels(Y_trn)) + len(documents_without_labels(Y_tst)),
        "texts": words_trn is not None,
        "distributions": {
            "labels_by_documents": doubling_histogram(training),
            "documents_by_words": [] if words_trn is None else doubling_histogram(words_trn),
        },
    }


def read_statistics(corpus: Corpus) -> dict[str, Any]:
    """The statistics of a corpus, after one pass over its texts; InputError if a text is invalid."""
    return statistics_with(corpus, count_texts(corpus.trn), count_texts(corpus.tst))


@dataclass(frozen=True)
class TextCounts:
    """words: int64[N] per text, None without texts. empty: the number of empty texts or bags of words."""

    words: np.ndarray | None
    empty: int


def count_texts(part: Part, take: Callable[[str], object] = len) -> TextCounts:
    """Read the texts of a part once, pass each to `take` with single spaces between words, and count."""
    if part.texts is None:
        return TextCounts(None, 0 if part.X is None else int(np.count_nonzero(np.diff(part.X.indptr) == 0)))
    counts = array("q")
    for text in part.texts:
        words = text.split()
        counts.append(len(words))
        take(" ".join(words))
    if len(counts) != part.Y.shape[0]:
        raise ValueError(f"{len(counts)} texts for the {part.Y.shape[0]} rows of Y")
    return TextCounts(np.array(counts, np.int64), counts.count(0))


def statistics_with(corpus: Corpus, trn: TextCounts, tst: TextCounts) -> dict[str, Any]:
    """The statistics of a corpus whose texts have been counted."""
    return statistics(corpus.trn.Y, corpus.tst.Y, trn.words, tst.words, trn.empty + tst.empty)


def doubling_histogram(numbers: np.ndarray) -> list[int]:
    """A histogram of int[n] numbers, none negative: how many are 0, 1, 2 to 3, 4 to 7, and so on."""
    found: list[int] = np.bincount(np.frexp(numbers)[1]).tolist() if len(numbers) else []
    return found


def _total(words: np.ndarray | None) -> int | None:
    return None if words is None else int(words.sum())


def _mean(total: int | None, count: int) -> float | None:
    return None if total is None or count == 0 else round(total / count, DIGITS)


def verify(stats: Mapping[str, Any], expected: Expected, where: str) -> None:
    """Compare with the expected statistics: counts exactly, means within 1%.

    where: the file that states them. InputError that names every difference.
    """
    if found := differences(stats, expected):
        raise InputError(
            f"the corpus is not the one that {where} expects: {'; '.join(found)}: "
            "get another copy of the dataset, or correct the expected statistics"
        )


def differences(stats: Mapping[str, Any], expected: Expected) -> list[str]:
    """A phrase for each statistic that differs from the expected one: counts must be equal, means within 1%."""
    return [
        f"{key} is {stats[key]}, expected {value}"
        for key, value in plain(expected).items()
        if not _agree(stats[key], value)
    ]


def _agree(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, (int, float)):
        return math.isclose(found, expected, rel_tol=TOLERANCE)
    return bool(found == expected)
