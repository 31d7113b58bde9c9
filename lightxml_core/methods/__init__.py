"""What the workflow asks of a method, and nothing more.

A method is a module in this package with four names:

- `Settings`: a frozen dataclass that extends `BaseSettings`; its fields are all the keys that a
  `methods/*.yaml` file may set, with their types and defaults;
- `needs(settings)`: which prepared inputs it reads, a subset of `INPUTS`;
- `fit(data, settings, out, resume)`: trains and leaves a complete model in the folder `out`;
- `predict(model, data, top_k)`: float32 CSR, N_tst × L, at most `top_k` scores a row; of labels that a training
  document has, unless the method knows others by their names.

Planning the workflow imports every method, so their heavy libraries are imported inside functions.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.values import Seed, fault, types_of

if TYPE_CHECKING:
    from lightxml_core.encoders.tokens import TokenisedPart

# `names`: the labels' texts. `names_encoder`: the encoder that the setting `names_backbone` names. `vectors`: the file
# of word vectors that the setting `vectors` names. `gpu`, `gpus`: one, or as many as a training is given, where there
# are any.
INPUTS = frozenset({"tokens", "tfidf", "bow", "clusters", "vectors", "test", "names", "names_encoder", "gpu", "gpus"})
_SHARED = {"inputs", "transformer"}  # in this folder, but no methods


@dataclass(frozen=True)
class BaseSettings:
    """Settings that every method has; the workflow fills it in.

    The type of a field says which values it allows (`lightxml_core.values`); any other is an InputError. The fields in
    UNSETTABLE a definition may not set.
    """

    UNSETTABLE: ClassVar[frozenset[str]] = frozenset({"seed"})

    seed: Seed = 0

    def __post_init__(self) -> None:
        for name, kind in types_of(type(self)).items():
            if wrong := fault(getattr(self, name), kind):
                raise InputError(f"{name}{wrong}")


@dataclass(frozen=True)
class TestData:
    """Test documents as a method sees them: only the inputs it needs, the others None.

    X: float32 CSR N_tst × D. Y: CSR N_tst × L, given only to a protocol that selects on the test set.
    """

    __test__ = False  # a data class, not a test: pytest goes by the name

    X: sparse.csr_matrix | None = None
    tokens: TokenisedPart | None = None
    Y: sparse.csr_matrix | None = None


@dataclass(frozen=True)
class TrainingData:
    """Training documents as a method sees them: only the inputs it needs, the others None.

    Y: float32 CSR N_trn × L of ones. X: float32 CSR N_trn × D. vocabulary: JSON file, word → column of X.
    clusters: CSR L × C, one 1 a row. encoder: folder of the backbone. vectors: text file of word vectors. names: the
    labels' texts. names_encoder: folder of the backbone that reads those. validation: int64 row ids held out for
    selection.
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


def method_files(implementation: str) -> list[Path]:
    """The library files that only this method uses, so that an edit to one retrains this method alone."""
    here = Path(__file__).parent
    package = here / implementation
    return sorted(package.rglob("*.py")) if package.is_dir() else [here / f"{implementation}.py"]


def make_settings(method: Method, values: dict[str, Any]) -> Any:
    """Build the method's settings from checked values; an unknown key is an InputError."""
    known = {entry.name for entry in fields(method.Settings)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"unknown setting {unknown[0]!r}: known are {', '.join(sorted(known))}")
    return method.Settings(**values)
