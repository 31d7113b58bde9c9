"""TF-IDF and bag of words of raw texts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import compress
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.errors import InputError
from lightxml_core.features.counts import (
    Analyzer,
    Counts,
    count_known,
    document_frequencies,
    matrix_of,
    number_terms,
    term_frequencies,
)
from lightxml_core.features.unspaced import Watched

_WORD = r"(?u)\b\w+\b"  # keeps words of one letter; scikit-learn's own pattern drops the "A" of "vitamin A"

SHOWN = 30  # characters of a text

logger = logging.getLogger(__name__)

Features = tuple[sparse.csr_matrix, sparse.csr_matrix, dict[str, int]]


def build_tfidf(
    trn_texts: Iterable[str], tst_texts: Iterable[str], settings: FeatureSettings, folder: Path | None = None
) -> Features:
    """X_trn (N_trn x D), X_tst (N_tst x D), and the column of each term: float32 CSR with rows of length 1.

    Vocabulary and document frequencies come from the training texts alone, in lower case. A text without known terms
    gets an empty row. InputError if no term is left. A warning is given if words have no blanks between them, unless
    terms are made of characters. The values are those of scikit-learn's TfidfVectorizer.

    folder: for unnamed temporary files that hold the values; None to keep them in memory.
    """
    return _build(trn_texts, tst_texts, settings, folder, weighted=True)


def build_bow(
    trn_texts: Iterable[str], tst_texts: Iterable[str], settings: FeatureSettings, folder: Path | None = None
) -> Features:
    """The same with plain counts of the terms, those of scikit-learn's CountVectorizer."""
    return _build(trn_texts, tst_texts, settings, folder, weighted=False)


def _build(
    trn_texts: Iterable[str], tst_texts: Iterable[str], settings: FeatureSettings, folder: Path | None, weighted: bool
) -> Features:
    analyze, watched = _analyzer(settings), Watched(trn_texts)
    counts, number = number_terms(watched, analyze, folder)
    if settings.analyzer == "word" and watched.unspaced:
        _warn_unspaced(watched.example)
    vocabulary, columns, frequencies = _vocabulary(counts, number, settings)
    del number  # millions of words
    weigh = _Weights(frequencies, len(counts.offsets) - 1, settings.sublinear) if weighted else _as_they_are
    X_trn = matrix_of(counts, columns, len(vocabulary), weigh, folder)
    counts = count_known(tst_texts, analyze, vocabulary, folder)
    return X_trn, matrix_of(counts, np.arange(len(vocabulary)), len(vocabulary), weigh, folder), vocabulary


def _analyzer(settings: FeatureSettings) -> Analyzer:
    """The function that splits a text into terms."""
    from sklearn.feature_extraction.text import CountVectorizer

    pattern = _WORD if settings.analyzer == "word" else None
    vectoriser = CountVectorizer(analyzer=settings.analyzer, token_pattern=pattern, ngram_range=(1, settings.ngrams))
    analyze: Analyzer = vectoriser.build_analyzer()
    return analyze


def _warn_unspaced(example: str) -> None:
    logger.warning(
        "the texts have no blanks between words, as in %r, so that whole phrases count as words: set "
        "`features: {analyzer: char_wb, ngrams: 2}` in the dataset's file to make terms of characters instead",
        example[:SHOWN],
    )


def _vocabulary(
    counts: Counts, number: dict[str, int], settings: FeatureSettings
) -> tuple[dict[str, int], np.ndarray, np.ndarray]:
    """Term → column of the kept terms, sorted; the int32 column by number, -1 for others; documents by column."""
    documents = document_frequencies(counts, len(number))
    enough = documents >= settings.min_df
    kept = sorted(compress(number, enough))
    if not kept:
        reason = f"none of {len(number)} terms occurs in {settings.min_df} of them" if number else "they have no terms"
        raise InputError(f"the training texts give no features ({reason}): check the texts and min_df")
    columns = _columns(kept, number)
    if settings.max_features is not None and len(kept) > settings.max_features:
        times = term_frequencies(counts, columns, len(kept))
        chosen = np.sort((-times).argsort()[: settings.max_features])  # breaks ties as scikit-learn does
        kept = [kept[place] for place in chosen]
        columns = _columns(kept, number)
    of_column = np.empty(len(kept), np.int64)
    of_column[columns[columns >= 0]] = documents[columns >= 0]
    return dict(zip(kept, range(len(kept)), strict=True)), columns, of_column


def _columns(kept: list[str], number: dict[str, int]) -> np.ndarray:
    """int32 by number: the index of a term among the kept ones, -1 for others."""
    columns = np.full(len(number), -1, np.int32)
    columns[np.fromiter(map(number.__getitem__, kept), np.int64, len(kept))] = np.arange(len(kept))
    return columns


class _Weights:
    """Replaces counts by TF-IDF: 1 + ln(count) or the count, times 1 + ln((1 + N) / (1 + df)); rows of length 1.

    Each step is rounded to float32, as scikit-learn rounds it.
    """

    def __init__(self, frequencies: np.ndarray, documents: int, sublinear: bool) -> None:
        ratio = np.float32(documents + 1) / (frequencies.astype(np.float32) + np.float32(1.0))
        self.idf, self.sublinear = np.log(ratio) + np.float32(1.0), sublinear

    def __call__(self, rows: sparse.csr_matrix) -> None:
        from sklearn.preprocessing import normalize

        if self.sublinear:
            np.log(rows.data, rows.data)
            rows.data += 1.0
        rows.data *= self.idf[rows.indices]
        normalize(rows, copy=False)


def _as_they_are(rows: sparse.csr_matrix) -> None:
    """Keep the counts."""
