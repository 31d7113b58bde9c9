"""Tag texts with a trained model: what a user does with the folder that training left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lightxml_core.corpus.lines import read_lines
from lightxml_core.corpus.store import LABELS, NAMES
from lightxml_core.errors import InputError, refusal
from lightxml_core.evaluation.metrics import rank_matrix
from lightxml_core.files import CHANGED, changed_since, is_sealed, made, open_file, read_json, write_json
from lightxml_core.methods import TestData, load_method

_ABOUT = "method.json"


@dataclass(frozen=True)
class Tag:
    """A label with its name (the label itself where it has none) and its score in (0, 1)."""

    label: str
    name: str
    score: float


def describe_model(model: Path, implementation: str, corpus: Path) -> None:
    """Put beside the weights what a prediction on new texts needs: the method's name and the labels."""
    for name in (LABELS, NAMES):
        shutil.copyfile(made(corpus / name), model / name)
    write_json(model / _ABOUT, {"implementation": implementation})


class Predictor:
    """A trained model of a method that reads texts as tokens."""

    def __init__(self, model: Path) -> None:
        """InputError if the folder is no model, is one of a method that reads other features, or is damaged."""
        if not (model / _ABOUT).is_file():
            raise InputError(f"{model} is no trained model: name a folder such as results/…/seed0/model")
        for file in filter(Path.is_file, model.iterdir()):
            open_file(file).close()  # so that a pointer of Git LFS is named as one
        if changed := changed_since(model):
            raise InputError(f"{changed} {CHANGED}: copy the whole folder again, or train again")
        self.model = model
        with self._whole():
            self.method = load_method(read_json(model / _ABOUT)["implementation"])
            if not (model / "tokenizer.json").is_file():
                raise InputError(
                    f"{model} reads TF-IDF features of a whole corpus: only models on tokens can tag new texts"
                )
            self.labels, self.names = (list(read_lines(model / name)) for name in (LABELS, NAMES))
            self.settings = read_json(model / "settings.json")
            if not len(self.labels) == len(self.names) == self.settings["labels"]:
                raise ValueError(f"{len(self.labels)} labels, {len(self.names)} names for {self.settings['labels']}")

    def predict(self, texts: Sequence[str], top: int = 5) -> list[list[Tag]]:
        """The `top` best labels of each text, best first; all where there are fewer.

        InputError for a `top` below 1, a text that UTF-8 cannot hold, or a damaged model.
        """
        from lightxml_core.encoders.tokens import tokens_of

        _check(texts, top)
        if not texts:
            return []
        top = min(top, len(self.labels))
        with self._whole():
            most = self.settings.get("predict_tokens") or self.settings["max_tokens"]
            tokens = tokens_of(texts, self.model, most, self.settings["text"])
            scores = self.method.predict(self.model, TestData(tokens=tokens), top)
        return [
            [Tag(self.labels[j], self.names[j], float(scores[i, j])) for j in ranks if j >= 0]
            for i, ranks in enumerate(rank_matrix(scores, top))
        ]

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
