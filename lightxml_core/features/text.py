"""TF-IDF and bag of words of raw texts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.features.unspaced import Watched

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import CountVectorizer

_WORD = r"(?u)\b\w+\b"  # one letter is a word: scikit-learn's own pattern drops "A" of "vitamin A"

SHOWN = 30  # characters of a text

logger = logging.getLogger(__name__)

Features = tuple[sparse.csr_matrix, sparse.csr_matrix, dict[str, int]]


@dataclass(frozen=True)
class FeatureSettings:
    """min_df: documents that a term must occur in. max_features: keep the most frequent terms only, None for all.
    sublinear: 1 + ln(count) for the count (TF-IDF only). analyzer: of what terms are made: words, or the characters
    within what blanks separate (scikit-learn's `char_wb`). ngrams: longest run of either that makes a term.
    """

    min_df: int = 1
    max_features: int | None = None
    sublinear: bool = True
    ngrams: int = 1
    analyzer: Literal["word", "char_wb"] = "word"


def build_tfidf(trn_texts: Iterable[str], tst_texts: Iterable[str], settings: FeatureSettings) -> Features:
    """X_trn (N_trn x D), X_tst (N_tst x D), and the column of each term: float32 CSR with rows of length 1.

    Vocabulary and document frequencies come from the training texts alone, in lower case. A text without a known
    word gets an empty row. InputError where no term is left. Texts whose words have no blanks between them are warned
    about, unless terms are made of characters.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(sublinear_tf=settings.sublinear, norm="l2", dtype=np.float32, **_options(settings))
    return _build(vectoriser, trn_texts, tst_texts, settings)


def build_bow(trn_texts: Iterable[str], tst_texts: Iterable[str], settings: FeatureSettings) -> Features:
    """The same with plain counts of the terms."""
    from sklearn.feature_extraction.text import CountVectorizer

    return _build(CountVectorizer(dtype=np.float32, **_options(settings)), trn_texts, tst_texts, settings)


def _options(settings: FeatureSettings) -> dict[str, object]:
    return {
        "lowercase": True,
        "analyzer": settings.analyzer,
        "token_pattern": _WORD if settings.analyzer == "word" else None,
        "min_df": settings.min_df,
        "max_features": settings.max_features,
        "ngram_range": (1, settings.ngrams),
    }


def _build(
    vectoriser: CountVectorizer, trn_texts: Iterable[str], tst_texts: Iterable[str], settings: FeatureSettings
) -> Features:
    watched = Watched(trn_texts)
    try:
        X_trn = sparse.csr_matrix(vectoriser.fit_transform(watched))
    except ValueError as error:
        raise InputError(f"the training texts give no features ({error}): check the texts and min_df") from None
    if settings.analyzer == "word" and watched.unspaced:
        logger.warning(
            "the texts have no blanks between words, as in %r, so that whole phrases count as words: set "
            "`features: {analyzer: char_wb, ngrams: 2}` in the dataset's file to make terms of characters instead",
            watched.example[:SHOWN],
        )
    X_tst = sparse.csr_matrix(vectoriser.transform(tst_texts))
    X_trn.sort_indices()
    X_tst.sort_indices()
    terms = sorted(vectoriser.vocabulary_.items(), key=lambda entry: int(entry[1]))
    return X_trn, X_tst, {term: int(column) for term, column in terms}
