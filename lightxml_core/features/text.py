"""TF-IDF and bag of words of raw texts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import compress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.errors import InputError
from lightxml_core.features.counts import Counts, document_frequencies, matrix_of, number_terms, term_frequencies
from lightxml_core.features.unspaced import CountedTexts
from lightxml_core.features.vectoriser import Frequencies, NoVectoriser, Vectoriser, analyzer_of
from lightxml_core.files import save_csr

SHOWN = 30  # characters of a text

logger = logging.getLogger(__name__)


class Features(NamedTuple):
    """X_trn: of the training documents, float32 CSR N_trn x D. X_tst: of the test documents, N_tst x D."""

    X_trn: sparse.csr_matrix
    X_tst: sparse.csr_matrix
    vectoriser: Vectoriser | NoVectoriser

    def write(self, folder: Path) -> None:
        """Write the matrices and the vectoriser into an existing folder."""
        save_csr(folder / "X.trn.npz", self.X_trn)
        save_csr(folder / "X.tst.npz", self.X_tst)
        self.vectoriser.write(folder)


def build_tfidf(
    trn_texts: Iterable[str], tst_texts: Iterable[str], settings: FeatureSettings, folder: Path | None = None
) -> Features:
    """Features with rows of length 1, and what makes them of other texts.

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
    watched = CountedTexts(trn_texts)
    counts, number = number_terms(watched, analyzer_of(settings), folder)
    if settings.analyzer == "word" and watched.unspaced:
        _warn_unspaced(watched.example)
    vocabulary, columns, documents_with = _vocabulary(counts, number, settings)
    del number  # millions of words
    frequencies = Frequencies(documents_with, len(counts.offsets) - 1) if weighted else None
    vectoriser = Vectoriser(settings, vocabulary, frequencies)
    X_trn = matrix_of(counts, columns, len(vocabulary), vectoriser.weigh, folder)
    return Features(X_trn, vectoriser.transform(tst_texts, folder), vectoriser)


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
