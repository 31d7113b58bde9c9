"""What the workflow asks of a method, and nothing more.

A method is a module in this package with four names:

- `Settings`: a frozen dataclass that extends `BaseSettings`, with a default for each field. Its fields are the keys
  that a `methods/*.yaml` file may set, with their types. A field may also be a group of settings, a frozen dataclass
  with a default. The fields of groups are keys like the others, so no name may occur twice;
- `needs(settings)`: which prepared inputs it reads, a subset of `INPUTS`;
- `fit(data, settings, out, resume)`: trains and leaves a complete model in the folder `out`;
- `predict(model, data, top_k)`: float32 CSR, N_tst × L, at most `top_k` scores a row; of labels that a training
  document has, unless the method knows others by their names.

It may also have `holds_out(settings)`: whether `fit` uses the validation documents for nothing but to select weights. A
method without it learns from all documents.

It may also have
- `load(model)`, which reads the model once and returns `predict` without its first argument, to tag texts repeatedly;
- `explain(model)`, which returns an `Explain`: it says which terms or tokens carried a label;
- `nearest(model)`, if the method compares documents with training documents. It returns a `FindNearest`, or None for a
  model that does not compare them.

A package may also have a module `workload` with `workload(settings, size, shape)`, which estimates a training from the
size of the backbone and the `Shape` of the dataset (`lightxml_core.methods.load`), or gives None. An edit to it trains
nothing again.

Planning the workflow imports every method, so their heavy libraries are imported inside functions.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.values import Seed, fault, types_of

if TYPE_CHECKING:
    from lightxml_core.encoders.tokens import TokenisedPart

# `names`: the labels' texts. `names_encoder`: the encoder that the setting `names_backbone` names. `vectors`: the file
# of word vectors that the setting `vectors` names. `gpu`, `gpus`: one, or as many as a training is given, where there
# are any. `members`: the predictions of other methods' members, which the setting `blends` names.
INPUTS = frozenset(
    {"tokens", "tfidf", "bow", "clusters", "vectors", "test", "names", "names_encoder", "members", "gpu", "gpus"}
)
_SHARED = {"inputs", "load", "transformer"}  # in this folder, but no methods


@dataclass(frozen=True)
class BaseSettings:
    """Settings that every method has.

    The type of a field says which values it allows (`lightxml_core.values`); any other is an InputError.
    """

    seed: Seed = 0
    """Of all random numbers. The workflow sets it, a definition cannot."""

    def __post_init__(self) -> None:
        values = flatten(self)
        for name, kind in setting_types(type(self)).items():
            if wrong := fault(values[name], kind):
                raise InputError(f"{name}{wrong}")

    def check_encoder(self, depth: int | None) -> None:
        """InputError if the settings do not go with their `backbone`, which has so many layers.

        depth: 0 for a vocabulary of words, None if it is not known before the encoder is read.
        """


T = TypeVar("T")
OTHER_VERSION = "use the version that trained it, or train again"


@dataclass(frozen=True)
class TestData:
    """Test documents as a method sees them: only the inputs it needs, the others None.

    X: float32 CSR N_tst × D. Y: CSR N_tst × L, given only to a protocol that selects on the test set. members:
    scores of other methods' members, CSR N_tst × L, by `method/member`. documents: N_tst.
    """

    __test__ = False  # a data class, not a test: pytest goes by the name

    X: sparse.csr_matrix | None = None
    tokens: TokenisedPart | None = None
    Y: sparse.csr_matrix | None = None
    members: Mapping[str, sparse.csr_matrix] = field(default_factory=dict)
    documents: int | None = None


Predict = Callable[[TestData, int], sparse.csr_matrix]
"""`predict` of a method, with a model in memory."""


@dataclass(frozen=True)
class Contributions:
    """What each part of a document adds to its scores for K labels.

    features: float32 CSR K × D, by column of X. tokens: float32[K, T], by position. Only what the method reads.
    """

    features: sparse.csr_matrix | None = None
    tokens: np.ndarray | None = None


Explain = Callable[[TestData, np.ndarray], Contributions]
"""Of one document and int64[K] labels."""


@dataclass(frozen=True)
class Nearest:
    """The training documents nearest to a document, best first.

    rows: int64[K], their places among the training documents. similarity: float32[K], cosine. Y: CSR K × L.
    """

    rows: np.ndarray
    similarity: np.ndarray
    Y: sparse.csr_matrix


FindNearest = Callable[[TestData], Nearest]
"""Finds the training documents nearest to the one document that it gets."""


@dataclass(frozen=True)
class TrainingData:
    """Training documents as a method sees them: only the inputs it needs, the others None.

    Y: float32 CSR N_trn × L of ones. X: float32 CSR N_trn × D. vocabulary: JSON file, word → column of X.
    clusters: CSR L × C, one 1 a row. encoder: folder of the backbone. vectors: text file of word vectors. names: the
    labels' texts. names_encoder: folder of the backbone that reads those. validation: int64 row ids held out for
    selection. members: scores of the validation documents by models that did not learn from them, CSR V × L, by
    `method/member`.
    """

    Y: sparse.csr_matrix
    X: sparse.csr_matrix | None = None
    vocabulary: Path | None = None
    tokens: TokenisedPart | None = None
    clusters: sparse.csr_matrix | None = None
    encoder: Path | None = None
    vectors: Path | None = None
    names: list[str] | None = None
    names_encoder: Path | None = None
    validation: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    test: TestData | None = None
    members: Mapping[str, sparse.csr_matrix] = field(default_factory=dict)


class Method(Protocol):
    """The contract above, for type checkers."""

    Settings: type[BaseSettings]

    def needs(self, settings: Any) -> frozenset[str]: ...

    def fit(self, data: TrainingData, settings: Any, out: Path, resume: bool) -> None: ...

    def predict(self, model: Path, data: TestData, top_k: int) -> sparse.csr_matrix: ...


def implementations() -> list[str]:
    """Names of the method modules and packages in this folder."""
    here = Path(__file__).parent
    modules = [p.stem for p in here.glob("*.py")] + [p.parent.name for p in here.glob("*/__init__.py")]
    return sorted(name for name in modules if not name.startswith("_") and name not in _SHARED)


@cache  # a plan asks thousands of times
def load_method(implementation: str) -> Method:
    """Import a method by the name of its module; an unknown one is an InputError that lists what exists."""
    if implementation not in implementations():
        raise InputError(f"no method is implemented as {implementation!r}: there are {', '.join(implementations())}")
    module: ModuleType = importlib.import_module(f"lightxml_core.methods.{implementation}")
    return cast(Method, module)


def holds_out(method: Method, settings: BaseSettings) -> bool:
    """Whether a training leaves the validation documents out, but for the selection of weights."""
    answer = getattr(method, "holds_out", None)
    return answer is not None and bool(answer(settings))


def load_model(implementation: str, model: Path) -> Predict:
    """The prediction of a trained model, which is read now if the method can keep it in memory, else at each call."""
    method = load_method(implementation)
    load: Callable[[Path], Predict] | None = getattr(method, "load", None)
    return partial(method.predict, model) if load is None else load(model)


def load_explanation(implementation: str, model: Path) -> Explain | None:
    """What says which parts of a document carried a label; None if the method cannot."""
    explain: Callable[[Path], Explain] | None = getattr(load_method(implementation), "explain", None)
    return None if explain is None else explain(model)


def load_nearest(implementation: str, model: Path) -> FindNearest | None:
    """A function that finds the training documents which a model compares a document with; None if it compares none."""
    nearest: Callable[[Path], FindNearest | None] | None = getattr(load_method(implementation), "nearest", None)
    return None if nearest is None else nearest(model)


def method_files(implementation: str) -> list[Path]:
    """The method's own files that shape its models, so that an edit to one retrains this method alone."""
    here = Path(__file__).parent
    package = here / implementation
    if not package.is_dir():
        return [here / f"{implementation}.py"]
    return sorted(path for path in package.rglob("*.py") if path.name != "workload.py")


def setting_types(settings: type) -> dict[str, Any]:
    """Key -> type of every setting of a dataclass and of its groups, limits included, in the order of declaration."""
    found: dict[str, Any] = {}
    for name, kind in types_of(settings).items():
        found |= setting_types(kind) if isinstance(kind, type) and is_dataclass(kind) else {name: kind}
    return found


def settable(settings: type) -> dict[str, Any]:
    """The settings that a definition may set, with their types: all but the seed."""
    return {key: kind for key, kind in setting_types(settings).items() if key != "seed"}


def flatten(settings: Any) -> dict[str, Any]:
    """Key -> value of every setting, those of groups among the others: as YAML files and `settings.json` have them."""
    found: dict[str, Any] = {}
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        found |= flatten(value) if is_dataclass(value) else {entry.name: value}
    return found


def changed(settings: T, **values: Any) -> T:
    """The same settings with other values for some keys, in whatever group; an unknown key is an InputError."""
    known = setting_types(type(settings))
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"unknown setting {unknown[0]!r}: known are {', '.join(sorted(known))}")
    return _spread(settings, values)


def of_stored(settings: T, values: Mapping[str, Any], former: Collection[str]) -> T:
    """The settings of a trained model: `settings` with the values of its `settings.json`.

    former: keys that the models of earlier versions have without effect on a prediction; they are passed over where the
    settings no longer have them. Any other unknown key is an InputError.
    """
    known = set(setting_types(type(settings)))
    if unknown := sorted(set(values) - known - set(former)):
        raise InputError(
            f"the model's setting {unknown[0]!r} is unknown to this version of the program: {OTHER_VERSION}"
        )
    return changed(settings, **{key: value for key, value in values.items() if key in known})


def _spread(settings: T, values: dict[str, Any]) -> T:
    own: dict[str, Any] = {}
    for entry in fields(cast(Any, settings)):
        value = getattr(settings, entry.name)
        if is_dataclass(value):
            own[entry.name] = _spread(value, values)
        elif entry.name in values:
            own[entry.name] = values[entry.name]
    return cast(T, replace(cast(Any, settings), **own))


def make_settings(method: Method, values: dict[str, Any]) -> Any:
    """The method's settings with these values by key, defaults for the others; an unknown key is an InputError."""
    return changed(method.Settings(), **values)
