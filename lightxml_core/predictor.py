"""Tag texts with a trained model: what a user does with the folder that training left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import sparse

from lightxml_core.corpus.lines import collapse
from lightxml_core.errors import InputError, refusal
from lightxml_core.evaluation.metrics import rank_matrix
from lightxml_core.evaluation.thresholds import Threshold, read_thresholds
from lightxml_core.features.vectoriser import read_vectoriser
from lightxml_core.files import CHANGED, changed_since, is_sealed, open_file, read_json
from lightxml_core.methods import (
    Explain,
    FindNearest,
    Nearest,
    Predict,
    TestData,
    load_explanation,
    load_model,
    load_nearest,
)
from lightxml_core.methods.blend.fitting import parts
from lightxml_core.methods.blend.model import member_models, read_blend
from lightxml_core.similar import TrainingTexts, nearest_by_terms
from lightxml_core.training.description import ON_FEATURES, ON_MEMBERS, ON_TOKENS, is_model, read_description
from lightxml_core.values import KEPT_SCORES

if TYPE_CHECKING:
    from lightxml_core.encoders.tokens import TextTokenizer

_TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Word:
    """A word or term of a text, and what it added to a label. For a blend it is a share of the label's score."""

    word: str
    weight: float


@dataclass(frozen=True)
class Similar:
    """A training document that is similar to a text.

    document: its line among the training texts, from 1. similarity: the cosine of the vectors that the method compares.
    labels: those of its labels that are also among the tags of the text. text: its beginning, if it is still in the
    results.
    """

    document: int
    similarity: float
    labels: tuple[str, ...]
    text: str | None = None


@dataclass(frozen=True)
class Tag:
    """A label with its name (the label itself if it has none) and its score, which is in (0, 1) for most methods.

    words: those that added most to the score, best first; None if they were not requested. documents: those of the
    training documents nearest to the text that have this label, best first; None if they were not requested or cannot
    be found.
    """

    label: str
    name: str
    score: float
    words: tuple[Word, ...] | None = None
    documents: tuple[Similar, ...] | None = None


class _Reader:
    """Turns texts into what the method of a model reads."""

    def __init__(self, model: Path, reads: frozenset[str]) -> None:
        if unknown := reads - ON_FEATURES - ON_TOKENS - ON_MEMBERS:
            names = ", ".join(sorted(unknown))
            raise InputError(
                f"{model} cannot read texts, because it reads {names}: use a model that was trained on texts"
            )
        self.vectoriser = read_vectoriser(model) if reads & ON_FEATURES else None
        self.tokenizer = _tokenizer_of(model) if reads & ON_TOKENS else None
        self.members = _members_of(model) if reads & ON_MEMBERS else {}

    @cached_property
    def terms(self) -> list[str]:
        """The term of each column of the features."""
        vocabulary = {} if self.vectoriser is None else self.vectoriser.vocabulary
        return sorted(vocabulary, key=vocabulary.__getitem__)

    def read(self, texts: Sequence[str]) -> TestData:
        """The texts as the workflow prepares the test documents of a corpus."""
        documents = [collapse(text) for text in texts]
        return TestData(
            X=None if self.vectoriser is None else self.vectoriser.transform(documents),
            tokens=None if self.tokenizer is None else self.tokenizer.tokens_of(documents),
            members={name: member.scores(texts, KEPT_SCORES) for name, member in self.members.items()},
            documents=len(documents),
        )


def _tokenizer_of(model: Path) -> TextTokenizer:
    """The tokenizer of the model, or of the encoder that lies in a folder within it, as for test documents."""
    from lightxml_core.encoders.tokens import TextTokenizer

    found = sorted(model.rglob(_TOKENIZER), key=lambda path: len(path.parts))
    if not found:
        raise InputError(f"{model} holds no {_TOKENIZER}: copy the whole folder again, or train again")
    settings = read_json(model / "settings.json")
    most = settings.get("predict_tokens") or settings["max_tokens"]
    return TextTokenizer(found[0].parent, most, settings["text"])


def _members_of(blend: Path) -> dict[str, Predictor]:
    """The models that a blend combines. InputError where one is not beside it, as in the results."""
    models = member_models(blend)
    for name, model in models.items():
        if not is_model(model):
            raise InputError(
                f"{blend} is a blend, and the model of its member {name} is not at {model}: copy the whole folder of "
                "the dataset's results"
            )
    return {name: Predictor(model) for name, model in models.items()}


class Predictor:
    """A trained model in memory, which tags texts."""

    def __init__(self, model: Path, best: Predict | None = None) -> None:
        """Read the model in this folder.

        best: the model's prediction, if it is in memory already; then the folder counts as checked. InputError if the
        folder is no model, lacks a file, is damaged, or reads features that cannot be built from a text.
        """
        if best is None:
            _check_folder(model)
        self.model = model
        with self._whole():
            about = read_description(model)
            self.implementation, self.labels, self.names = about.implementation, about.labels, about.names
            if missing := next((name for name in about.files if not (model / name).is_file()), None):
                raise InputError(f"{model / missing} is missing: copy the whole folder again, or train again")
            self.reader = _Reader(model, about.reads)
            self.best = best or load_model(about.implementation, model)

    def threshold(self, kind: Literal["micro", "document"]) -> float:
        """The score from which labels are assigned for the highest F1, over all pairs or per document.

        It was found on the documents that the training held out. InputError if it held out none.
        """
        with self._whole():
            found = read_thresholds(self.model)
        if found is None:
            raise InputError(
                f"{self.model} has no thresholds, because its training held out no documents to find them on: choose "
                "a score yourself (--min-score)"
            )
        chosen: Threshold = getattr(found, kind)
        return chosen.score

    def predict(
        self, texts: Sequence[str], top: int = 5, min_score: float | None = None, words: int = 0, documents: int = 0
    ) -> list[list[Tag]]:
        """The `top` best labels of each text, best first; all where there are fewer.

        min_score: the least score of a label, if any. words, documents: the most words and similar training documents
        to name for each label. InputError for a `top` below 1, a text that UTF-8 cannot encode, a damaged model, or
        `words` for a method that cannot explain its scores.
        """
        _check(texts, top)
        if not texts:
            return []
        top = min(top, len(self.labels))
        scores = self.scores(texts, top)
        found = []
        for i, ranks in enumerate(rank_matrix(scores, top)):
            kept = [int(j) for j in ranks if j >= 0 and (min_score is None or scores[i, j] >= min_score)]
            carried = self._words(texts[i], kept, words) if words else [None] * len(kept)
            alike = self._similar(texts[i], kept, documents) if documents else [None] * len(kept)
            tags = zip(kept, carried, alike, strict=True)
            found.append([Tag(self.labels[j], self.names[j], float(scores[i, j]), own, like) for j, own, like in tags])
        return found

    def _similar(self, text: str, labels: list[int], most: int) -> list[tuple[Similar, ...] | None]:
        """For each of these labels, the training documents nearest to the text that have it, at most `most`."""
        if not labels or self._nearest is None:
            return [None] * len(labels)
        with self._whole():
            nearest = self._nearest(text)
        having = [np.flatnonzero(nearest.Y[:, label].toarray())[:most].tolist() for label in labels]
        alike = [self._alike(nearest, place, labels) for place in range(len(nearest.rows))]
        return [tuple(alike[place] for place in places) for places in having]

    def _alike(self, nearest: Nearest, place: int, labels: list[int]) -> Similar:
        own, row = nearest.Y[place], int(nearest.rows[place])
        shared = tuple(self.labels[label] for label in labels if own[0, label])
        return Similar(row + 1, float(nearest.similarity[place]), shared, self._training_texts.beginning(row, own))

    @cached_property
    def _training_texts(self) -> TrainingTexts:
        return TrainingTexts(self.model)

    @cached_property
    def _nearest(self) -> Callable[[str], Nearest] | None:
        """A function that finds the training documents nearest to a text; None if neither way is possible.

        The method compares them if it can, else they are compared by TF-IDF. For a blend, the member of the highest
        weight that can does this.
        """
        with self._whole():
            of = self._members_by_weight() if self.reader.members else [self]
            for load in (Predictor._compared, Predictor._by_terms):
                for one in of:
                    if (find := load(one)) is not None:
                        return partial(_found, find, one.reader)
        return None

    def _members_by_weight(self) -> list[Predictor]:
        weighted = sorted(read_blend(self.model).members, key=lambda member: -member.weight)
        return [self.reader.members[member.name] for member in weighted if member.weight]

    def _compared(self) -> FindNearest | None:
        return load_nearest(self.implementation, self.model)

    def _by_terms(self) -> FindNearest | None:
        return None if self.reader.vectoriser is None else nearest_by_terms(self.model)

    def _words(self, text: str, labels: list[int], most: int) -> list[tuple[Word, ...] | None]:
        """The words that added most to each of these labels."""
        return [_best_words(words, most) for words in self._carried(text, labels)] if labels else []

    def _carried(self, text: str, labels: list[int]) -> list[dict[str, float]]:
        """What each word added to each of these labels, over its pieces and occurrences."""
        if self.reader.members:
            return self._carried_by_members(text, labels)
        explain, reader = self._explain, self.reader
        with self._whole():
            found = explain(reader.read([text]), np.array(labels, np.int64))
        if found.tokens is None:
            assert found.features is not None
            return [_summed([reader.terms[j] for j in row.indices], row.data) for row in found.features]
        assert reader.tokenizer is not None
        pieces = reader.tokenizer.words_of(collapse(text))
        return [_summed(pieces, row[: len(pieces)]) for row in found.tokens]

    def _carried_by_members(self, text: str, labels: list[int]) -> list[dict[str, float]]:
        """Of a blend: each member's part of a label's score, spread over the words in favour as that member says.

        Words that differ only in upper and lower case are one, because only some members tell them apart.
        """
        added = parts(read_blend(self.model), self.reader.read([text]).members)
        found: list[dict[str, float]] = [defaultdict(float) for _ in labels]
        for name, member in self.reader.members.items():
            for label, words, own in zip(labels, found, member._carried(text, labels), strict=True):
                in_favour = {word: weight for word, weight in own.items() if weight > 0}
                share = added[name][0, label] / sum(part[0, label] for part in added.values())
                for word, weight in in_favour.items():
                    words[word.casefold()] += share * weight / sum(in_favour.values())
        return found

    @cached_property
    def _explain(self) -> Explain:
        with self._whole():
            explain = load_explanation(self.implementation, self.model)
        if explain is None:
            raise InputError(
                f"{self.model} is a model that cannot tell which words carried a label: leave out --explain"
            )
        return explain

    def scores(self, texts: Sequence[str], top: int) -> sparse.csr_matrix:
        """float32 CSR N × L: the `top` best scores of each text, at least one text. InputError for a damaged model."""
        with self._whole():
            scores = self.best(self.reader.read(texts), top)
            if scores.shape[1] != len(self.labels):
                raise ValueError(f"scores of {scores.shape[1]} labels, but names of {len(self.labels)}")
        return scores

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """InputError for whatever a damaged folder has the libraries raise.

        Where the seal of training holds, the folder is whole, and an error is one of the program.
        """
        try:
            yield
        except Exception as error:
            if isinstance(error, InputError) or is_sealed(self.model) or refusal(error) is not None:
                raise
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"{self.model} is no whole model ({type(error).__name__}: {reason}): copy the folder again, with its "
                "hidden files"
            ) from error


def _found(find: FindNearest, reader: _Reader, text: str) -> Nearest:
    return find(reader.read([text]))


def _summed(words: Sequence[str], weights: np.ndarray) -> dict[str, float]:
    """The sum of the weights of each word; a piece without a word counts for none."""
    sums: defaultdict[str, float] = defaultdict(float)
    for word, weight in zip(words, weights.tolist(), strict=True):
        if word:
            sums[word] += weight
    return sums


def _best_words(words: Mapping[str, float], most: int) -> tuple[Word, ...]:
    """The words that add most, best first; none that adds nothing."""
    best = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:most]
    return tuple(Word(word, weight) for word, weight in best if weight > 0)


def _check_folder(model: Path) -> None:
    if not is_model(model):
        raise InputError(f"{model} is no trained model: name a folder such as results/…/seed0/model")
    for file in filter(Path.is_file, model.rglob("*")):
        open_file(file).close()  # so that a pointer of Git LFS is named as one
    if changed := changed_since(model):
        raise InputError(f"{changed} {CHANGED}: copy the whole folder again, or train again")


def _check(texts: Sequence[str], top: int) -> None:
    if top < 1:
        raise InputError(f"top is {top}: ask for at least 1 label")
    for number, text in enumerate(texts, 1):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError(
                f"text {number} is not UTF-8 at character {error.start}: convert it, or check the terminal's encoding"
            ) from None
