"""What a target consists of: the file between the registry, which knows the definitions, and the reporting.

`Registry.selection` makes a `Selection`, the rule `select` writes it to `selection.json`, and tables, figures and
report read it. Imports nothing heavy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from lightxml_core.errors import InputError
from lightxml_core.files import read_json, unchanged

ENSEMBLE = "ensemble"  # the variant that combines the members of a method
WITHOUT_VALIDATION = "without-validation"  # the folder, in that of a run, of a training without validation documents

T = TypeVar("T")
Use = Literal["documents", "clusters"]


@dataclass(frozen=True)
class RunFeatures:
    """The TF-IDF of a run: its folder, and whether the documents or only the label clusters are made from it."""

    folder: Path
    use: Use


@dataclass(frozen=True)
class Blended:
    """A run that a blend combines.

    name: of its member, as `method/member`. path: the folder of its files. again: the folder of its second training,
    without the validation documents; None where the first one leaves them out.
    """

    name: str
    path: Path
    again: Path | None


@dataclass(frozen=True)
class Run:
    """One trained member, or the ensemble of a method's members, on one dataset and one seed.

    member: the name of the member in the method's file, None for an ensemble. variant: the name that tables show.
    path: the folder of its files. settings: what the definitions set, None for an ensemble. features: None where
    neither the documents nor the label clusters are made from TF-IDF. blended: the runs that a blend combines.
    """

    dataset: str
    method: str
    variant: str
    seed: int
    path: Path
    member: str | None
    protocol: str | None = None
    backbone: str | None = None
    settings: Mapping[str, Any] | None = field(default=None, hash=False)
    features: RunFeatures | None = None
    blended: tuple[Blended, ...] = ()


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset as its file describes it.

    stats: the statistics file of the corpus whose statistics and documents are shown. published_as: its name in
    `published/`. expected: statistics that the file states. cut: the dataset that it is a part of. splits: their
    number, None for a dataset with fixed training and test documents.
    """

    stats: Path
    title: str | None = None
    published_as: str | None = None
    note: str | None = None
    licence: str | None = None
    expected: Mapping[str, Any] = field(default_factory=dict, hash=False)
    cut: str | None = None
    splits: int | None = None


@dataclass(frozen=True)
class Difference:
    """How a method differs from the published one; datasets: those that it concerns, None for all."""

    what: str
    datasets: tuple[str, ...] | None = None

    def concerns(self, dataset: str) -> bool:
        """Whether the method differs in this way on a dataset."""
        return not self.datasets or dataset in self.datasets


@dataclass(frozen=True)
class MethodInfo:
    """A method as its file describes it.

    published_as: its name in `published/`. published_backbones: the backbone here by published variant. base: the
    method that its members are variants of, and base_title its title.
    """

    title: str | None = None
    published_as: str | None = None
    published_protocol: str | None = None
    published_backbones: Mapping[str, str] = field(default_factory=dict, hash=False)
    base: str | None = None
    base_title: str | None = None
    implementation: str | None = None
    note: str | None = None
    differs: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class PartInfo:
    """An encoder or word vectors as their file describes them.

    pretrained: whether the weights come from elsewhere. hub: the repository of the Hugging Face hub, if they are there.
    """

    title: str
    pretrained: bool
    note: str | None = None
    licence: str | None = None
    hub: str | None = None


@dataclass(frozen=True)
class Selection:
    """A target: its datasets and methods by name, in the order in which they are shown, and its runs.

    encoders, vectors: those that the runs start from, by name.
    Raises InputError where a run is listed twice or its dataset or method is not described.
    """

    target: str
    datasets: Mapping[str, DatasetInfo]
    methods: Mapping[str, MethodInfo]
    runs: tuple[Run, ...]
    encoders: Mapping[str, PartInfo] = field(default_factory=dict)
    vectors: Mapping[str, PartInfo] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen = set()
        for run in self.runs:
            key = (run.dataset, run.method, run.variant, *([run.protocol] if run.protocol else []))
            if (key, run.seed) in seen:
                raise InputError(f"the selection lists {'/'.join(key)} seed {run.seed} twice: keep one of the two runs")
            seen.add((key, run.seed))
            for kind, name, names in (("dataset", run.dataset, self.datasets), ("method", run.method, self.methods)):
                if name not in names:
                    raise InputError(f"the selection runs the {kind} {name} but does not describe it under {kind}s")

    def to_json(self) -> dict[str, Any]:
        """The contents of `selection.json`."""
        return cast(dict[str, Any], _plain(asdict(self)))

    @classmethod
    def from_json(cls, value: Any) -> Selection:
        """The selection that `to_json` wrote; InputError, with the part concerned, where something is missing."""
        return cls(
            target=str(_checked(value, "target", str)),
            datasets={name: _dataset(name, row) for name, row in _checked(value, "datasets", dict).items()},
            methods={name: _method(name, row) for name, row in _checked(value, "methods", dict).items()},
            runs=tuple(map(_run, _checked(value, "runs", list))),
            encoders={name: _part(name, row) for name, row in (value.get("encoders") or {}).items()},
            vectors={name: _part(name, row) for name, row in (value.get("vectors") or {}).items()},
        )


def read_selection(path: Path) -> Selection:
    """The selection of a sealed file; InputError, which names the file, where it is damaged."""
    value = read_json(unchanged(path))
    try:
        return Selection.from_json(value)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def _checked(value: Any, key: str, kind: type[T]) -> T:
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        raise InputError(f"the selection has no {key}: run the rule select again")
    return found


def _dataset(name: str, row: Any) -> DatasetInfo:
    with _naming(f"description of the dataset {name}", row):
        return DatasetInfo(**{**row, "stats": Path(row["stats"]), "expected": row.get("expected") or {}})


def _method(name: str, row: Any) -> MethodInfo:
    with _naming(f"description of the method {name}", row):
        differs = tuple(Difference(one["what"], _tuple(one["datasets"])) for one in row.get("differs") or ())
        return MethodInfo(**{**row, "published_backbones": row.get("published_backbones") or {}, "differs": differs})


def _part(name: str, row: Any) -> PartInfo:
    with _naming(f"description of {name}", row):
        return PartInfo(**row)


def _run(row: Any) -> Run:
    with _naming("run", row):
        place = {"seed": int(row["seed"]), "path": Path(row["path"])}
        return Run(**{**row, **place, "features": _features(row), "blended": _blended(row)})


def _features(row: Mapping[str, Any]) -> RunFeatures | None:
    features = row.get("features")
    return None if features is None else RunFeatures(Path(features["folder"]), _use(features["use"]))


def _blended(row: Mapping[str, Any]) -> tuple[Blended, ...]:
    return tuple(
        Blended(str(one["name"]), Path(one["path"]), None if one["again"] is None else Path(one["again"]))
        for one in row.get("blended") or ()
    )


@contextmanager
def _naming(what: str, row: Any) -> Iterator[None]:
    """An InputError, with the row, for whatever is missing or wrong in it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"the selection has an incomplete {what} ({error}): {json.dumps(row)}") from None


def _use(value: Any) -> Use:
    if value not in get_args(Use):
        raise ValueError(f"features are used for {value!r}, not for {' or '.join(get_args(Use))}")
    return cast(Use, value)


def _tuple(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)
