"""What turns a text into features. It comes from the training texts, and is kept beside every model that reads them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.errors import InputError
from lightxml_core.features.counts import Analyzer, count_known, matrix_of
from lightxml_core.files import read_json, unchanged, write_json

VOCABULARY, VECTORISER = "vocabulary.json", "vectoriser.json"
_WORD = r"(?u)\b\w+\b"  # keeps words of one letter; scikit-learn's own pattern drops the "A" of "vitamin A"


def analyzer_of(settings: FeatureSettings) -> Analyzer:
    """The function that splits a text into terms."""
    from sklearn.feature_extraction.text import CountVectorizer

    pattern = _WORD if settings.analyzer == "word" else None
    vectoriser = CountVectorizer(analyzer=settings.analyzer, token_pattern=pattern, ngram_range=(1, settings.ngrams))
    analyze: Analyzer = vectoriser.build_analyzer()
    return analyze


@dataclass(frozen=True, eq=False)
class Frequencies:
    """of: int64[D], the number of training documents with each term. documents: the number of training documents."""

    of: np.ndarray
    documents: int


@dataclass(frozen=True, eq=False)
class Vectoriser:
    """Texts to features, as the features stage computed them for the test documents.

    vocabulary: the column of each term, 0 to D - 1. frequencies: for TF-IDF; None for plain counts.
    """

    settings: FeatureSettings
    vocabulary: dict[str, int]
    frequencies: Frequencies | None

    @cached_property
    def weigh(self) -> Weights | None:
        """What makes TF-IDF of counts, in place; None for plain counts."""
        return None if self.frequencies is None else Weights(self.frequencies, self.settings.sublinear)

    def transform(self, texts: Iterable[str], folder: Path | None = None) -> sparse.csr_matrix:
        """float32 CSR N × D. A text without a known term gets an empty row.

        folder: for unnamed temporary files that hold the values; None to keep them in memory.
        """
        width = len(self.vocabulary)
        counts = count_known(texts, analyzer_of(self.settings), self.vocabulary, folder)
        return matrix_of(counts, np.arange(width), width, self.weigh, folder)

    def write(self, folder: Path) -> None:
        """Write the vocabulary and, beside it, what it is used with."""
        known = self.frequencies
        write_json(folder / VOCABULARY, self.vocabulary)
        about = {"settings": asdict(self.settings), "columns": len(self.vocabulary)}
        weights = {} if known is None else {"documents": known.documents, "frequencies": known.of.tolist()}
        write_json(folder / VECTORISER, about | weights)


@dataclass(frozen=True)
class NoVectoriser:
    """Stands for features that were not built from texts. reason: why, as a clause.

    vocabulary: the column of each feature that has a name.
    """

    reason: str
    vocabulary: Mapping[str, int] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write the same two files as `Vectoriser.write`."""
        write_json(folder / VOCABULARY, dict(self.vocabulary))
        write_json(folder / VECTORISER, {"reason": self.reason})


def copy_vectoriser(features: Path, model: Path) -> None:
    """Copy what either of the two wrote from the folder of the features to that of a model.

    It takes about 30 bytes per term, which is little: any model on features holds a weight or more per term.
    """
    for name in (VOCABULARY, VECTORISER):
        shutil.copyfile(unchanged(features / name), model / name)


def read_vectoriser(model: Path) -> Vectoriser:
    """The vectoriser of a model. InputError if its features were not built from texts; ValueError for damaged files."""
    about = read_json(model / VECTORISER)
    if reason := about.get("reason"):
        raise InputError(f"{model} cannot read texts, because {reason}: use a model that was trained on texts")
    vocabulary = read_json(model / VOCABULARY)
    frequencies = None
    if "frequencies" in about:
        frequencies = Frequencies(np.array(about["frequencies"], np.int64), about["documents"])
    lengths = {about["columns"], len(vocabulary), about["columns"] if frequencies is None else len(frequencies.of)}
    if len(lengths) > 1:
        raise ValueError(f"{VOCABULARY} and {VECTORISER} do not fit together")
    return Vectoriser(FeatureSettings(**about["settings"]), vocabulary, frequencies)


class Weights:
    """Replaces counts by TF-IDF: 1 + ln(count) or the count, times 1 + ln((1 + N) / (1 + df)); rows of length 1.

    Each step is rounded to float32, as scikit-learn rounds it.
    """

    def __init__(self, frequencies: Frequencies, sublinear: bool) -> None:
        ratio = np.float32(frequencies.documents + 1) / (frequencies.of.astype(np.float32) + np.float32(1.0))
        self.idf, self.sublinear = np.log(ratio) + np.float32(1.0), sublinear

    def __call__(self, rows: sparse.csr_matrix) -> None:
        from sklearn.preprocessing import normalize

        if self.sublinear:
            np.log(rows.data, rows.data)
            rows.data += 1.0
        rows.data *= self.idf[rows.indices]
        normalize(rows, copy=False)
