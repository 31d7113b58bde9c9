"""Training documents to show with a tag: which ones are nearest by TF-IDF, and their texts.

A model holds no copy of its corpus. Both are read from the prepared corpus, if the model still lies in the results.
"""

from __future__ import annotations

from collections.abc import Iterator
from filecmp import cmp
from functools import cached_property, partial
from itertools import accumulate, chain
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.features.labels import normalise_rows
from lightxml_core.features.vectoriser import VECTORISER, VOCABULARY
from lightxml_core.files import load_csr, open_file, unchanged
from lightxml_core.methods import FindNearest
from lightxml_core.methods.knn import nearest_of
from lightxml_core.places import results_of_dataset

_NEIGHBOURS = 20
_MOST_BYTES = 2**30  # of a file of features that is read for an explanation
_BEGINNING = 80  # characters


def nearest_by_terms(model: Path) -> FindNearest | None:
    """A function that finds the training documents nearest by the cosine of the features that a model reads.

    None if the results do not have these features, or if their file has more than 1 GiB.
    """
    dataset = results_of_dataset(model)
    if dataset is None or not (labels := dataset / "corpus/Y.trn.npz").is_file():
        return None
    for features in sorted(dataset.glob("features/*/X.trn.npz")):
        same = (_same(features.with_name(name), model / name) for name in (VOCABULARY, VECTORISER))
        if features.stat().st_size <= _MOST_BYTES and all(same):
            X, Y = (load_csr(unchanged(file)) for file in (features, labels))
            return partial(nearest_of, normalise_rows(X), Y, _NEIGHBOURS)
    return None


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and cmp(one, other, shallow=False)


class TrainingTexts:
    """The texts that a model was trained on, if they are still in the results."""

    def __init__(self, model: Path) -> None:
        dataset = results_of_dataset(model)
        corpus = Path() if dataset is None else dataset / "corpus"
        self._texts, self._labels = corpus / "X.trn.txt", corpus / "Y.trn.npz"

    def beginning(self, row: int, labels: sparse.csr_matrix) -> str | None:
        """The beginning of the training document in a row; None if there is none, or if it has other labels.

        labels: CSR 1 x L, those that the document had when the model was trained.
        """
        if row >= len(self._starts) - 1:
            return None
        own = self._Y[row]
        if own.shape != labels.shape or (own != labels).nnz:
            return None  # the corpus was prepared again, from other documents
        with open_file(self._texts) as opened:
            opened.seek(int(self._starts[row]))
            text = opened.readline().decode("utf-8", "replace").rstrip("\n")
        return text if len(text) <= _BEGINNING else f"{text[: _BEGINNING - 1]}…"

    @cached_property
    def _starts(self) -> np.ndarray:
        """int64[N + 1]: the byte offset of each text, and of the end; [0] if there are no texts."""
        return np.fromiter(accumulate(chain([0], self._lengths())), np.int64)

    def _lengths(self) -> Iterator[int]:
        if self._texts.is_file() and self._labels.is_file():
            with open_file(self._texts) as opened:
                yield from map(len, opened)

    @cached_property
    def _Y(self) -> sparse.csr_matrix:
        return load_csr(unchanged(self._labels))
