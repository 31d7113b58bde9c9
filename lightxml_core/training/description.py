"""What a training leaves beside the weights, so that the folder of a model is enough to tag texts with."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from lightxml_core.corpus.lines import read_lines
from lightxml_core.corpus.store import LABELS, NAMES
from lightxml_core.errors import InputError
from lightxml_core.features.vectoriser import copy_vectoriser
from lightxml_core.files import read_json, unchanged, write_json
from lightxml_core.methods import OTHER_VERSION, implementations
from lightxml_core.methods.inputs import Inputs

_ABOUT = "method.json"
ON_FEATURES, ON_TOKENS, ON_MEMBERS = frozenset({"tfidf", "bow"}), frozenset({"tokens"}), frozenset({"members"})
_IN_TRAINING = frozenset({"clusters", "vectors", "test", "names", "names_encoder", "gpu", "gpus"})  # not in prediction


@dataclass(frozen=True)
class Description:
    """implementation: of the method. reads: which prepared inputs a prediction reads. labels and names: by column.

    files: those of the model's folder, relative to it; empty for a model of an earlier version.
    """

    implementation: str
    reads: frozenset[str]
    labels: list[str]
    names: list[str]
    files: list[str]


def describe_model(model: Path, implementation: str, needs: frozenset[str], inputs: Inputs) -> None:
    """Write the description into the folder of a model, and what turns texts into features if it reads those.

    Methods on tokens keep their tokenizer themselves. needs: of the method, with the settings of this model.
    """
    for name in (LABELS, NAMES):
        shutil.copyfile(unchanged(inputs.corpus / name), model / name)
    if needs & ON_FEATURES:
        assert inputs.features is not None
        copy_vectoriser(inputs.features, model)
    shown = (path for path in model.rglob("*") if path.is_file() and not path.name.startswith("."))
    files = sorted(str(path.relative_to(model)) for path in shown if path.name != _ABOUT)
    reads = sorted(needs - _IN_TRAINING)
    write_json(model / _ABOUT, {"implementation": implementation, "reads": reads, "files": files})


def is_model(folder: Path) -> bool:
    """Whether a training left this folder."""
    return (folder / _ABOUT).is_file()


def implementation_of(model: Path) -> str:
    """The method module that a model was trained by; InputError where its folder does not say."""
    about = read_json(unchanged(model / _ABOUT))
    if not isinstance(about, dict) or not isinstance(about.get("implementation"), str):
        raise InputError(f"{model / _ABOUT} names no implementation: train the model again")
    return str(about["implementation"])


def read_description(model: Path) -> Description:
    """The description of a model.

    InputError for a method that this version does not know. Errors of damaged files pass through.
    """
    about = read_json(model / _ABOUT)
    if (method := about["implementation"]) not in implementations():
        raise InputError(
            f"{model} is of the method {method!r}, unknown to this version of the program: {OTHER_VERSION}"
        )
    labels, names = (list(read_lines(model / name)) for name in (LABELS, NAMES))
    if len(labels) != len(names):
        raise ValueError(f"{len(labels)} labels, {len(names)} names")
    reads = frozenset(about.get("reads", ON_TOKENS))  # earlier models on features cannot tag texts
    return Description(about["implementation"], reads, labels, names, list(about.get("files", [])))
