"""Tag texts with a trained model: what a user does with the folder that training left."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightxml_core.corpus.lines import read_lines
from lightxml_core.corpus.store import LABELS, NAMES
from lightxml_core.errors import InputError
from lightxml_core.evaluation.metrics import rank_matrix
from lightxml_core.files import check_seal, read_json, write_json
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
        check_seal(corpus / name)
        shutil.copyfile(corpus / name, model / name)
    write_json(model / _ABOUT, {"implementation": implementation})


class Predictor:
    """A trained model of a method that reads texts as tokens."""

    def __init__(self, model: Path) -> None:
        """InputError if the folder is no model, or is one of a method that reads other features."""
        if not (model / _ABOUT).is_file():
            raise InputError(f"{model} is no trained model: name a folder such as results/…/seed0/model")
        check_seal(model)
        self.model = model
        self.method = load_method(read_json(model / _ABOUT)["implementation"])
        if not (model / "tokenizer.json").is_file():
            raise InputError(
                f"{model} reads TF-IDF features of a whole corpus: only models on tokens can tag new texts"
            )
        self.labels, self.names = (list(read_lines(model / name)) for name in (LABELS, NAMES))

    def predict(self, texts: Sequence[str], top: int = 5) -> list[list[Tag]]:
        """The `top` best labels of each text, best first."""
        from lightxml_core.encoders.tokens import tokens_of

        settings = read_json(self.model / "settings.json")
        tokens = tokens_of(
            texts, self.model, settings.get("predict_tokens") or settings["max_tokens"], settings["text"]
        )
        scores = self.method.predict(self.model, TestData(tokens=tokens), top)
        return [
            [Tag(self.labels[j], self.names[j], float(scores[i, j])) for j in ranks if j >= 0]
            for i, ranks in enumerate(rank_matrix(scores, top))
        ]
