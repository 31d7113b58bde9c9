"""The files of the runs that a selection names, read once; missing parts are tolerated. Imports nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from lightxml_core.errors import InputError
from lightxml_core.evaluation.catalogue import GROUPS, get_metric
from lightxml_core.files import load_array, read_json, remake, unchanged
from lightxml_core.selection import Run, Selection

MANY = 10  # groups that a figure can show legibly


@dataclass(frozen=True)
class Result:
    """A run of the selection and the files that it left."""

    run: Run

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The metrics of the catalogue, in percent; InputError for a missing file, an unknown name or no number."""
        path, values = self._evaluation, {}
        for group in GROUPS:
            for name, value in self._group(group).items():
                get_metric(name, f"{path}: {group}")
                if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
                    raise InputError(f"{path}: {name} is {value!r}, not a number: evaluate this run again")
                values[name] = value
        return values

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What was run where and what it cost; empty where nothing was recorded (ensembles)."""
        return _recorded(self.run.path / "provenance.json")

    @cached_property
    def models(self) -> list[dict[str, Any]]:
        """The provenance of each model that predicts: of the run's own and of those that it blends."""
        return [self.provenance, *(_recorded(of.path / "provenance.json") for of in self.run.blended)]

    @cached_property
    def trainings(self) -> list[dict[str, Any]]:
        """The provenance of each training: of the models, and of those without the validation documents."""
        again = [of.again for of in self.run.blended if of.again is not None]
        return [*self.models, *(_recorded(folder / "provenance.json") for folder in again)]

    @cached_property
    def milliseconds_per_document(self) -> float | None:
        """Time of prediction, from features in memory to the best labels; None where it was not recorded.

        That of a blend includes its members.
        """
        folders = (self.run.path, *(of.path for of in self.run.blended))
        found = [_recorded(folder / "prediction.json") for folder in folders]
        if not all(one.get("documents") for one in found):
            return None
        return sum(1000.0 * one["seconds"] / one["documents"] for one in found)

    @cached_property
    def milliseconds_for_one_text(self) -> float | None:
        """Median time in ms from a text to its labels, with the model in memory; None if it reads no texts.

        The time of a blend includes those of its members with a weight.
        """
        members = _recorded(self.run.path / "model/blend.json").get("members", []) if self.run.blended else []
        weighted = [one["name"] for one in members if one["weight"]]
        folders = (self.run.path, *(of.path for of in self.run.blended if of.name in weighted))
        found: list[Any] = [_recorded(folder / "prediction.json").get("one_text_seconds") for folder in folders]
        return None if None in found else 1000.0 * sum(found)

    @cached_property
    def tail(self) -> dict[str, Any]:
        """Precision and recall by label frequency, see `evaluation.tail`; empty if the run has none."""
        return self._group("tail")

    @cached_property
    def standard_errors(self) -> dict[str, float]:
        """Standard errors over the test documents by metric, in percentage points; without those that are not known."""
        return {name: error for name, error in self._group("standard_errors").items() if error is not None}

    @cached_property
    def documents(self) -> dict[str, np.ndarray]:
        """What each test document contributes, float32[N] in percent by metric; empty if it was not kept.

        The mean over documents is the metric, see `evaluation.documents`.
        """
        path, names = self.run.path / "documents.npy", list(self._group("standard_errors"))
        if not path.is_file():
            return {}
        values = load_array(unchanged(path))
        if values.ndim != 2 or values.shape[1] != len(names):
            raise InputError(f"{path} does not have a column for each of {', '.join(names)}: evaluate this run again")
        return {name: 100.0 * column for name, column in zip(names, values.T, strict=True)}

    @cached_property
    def lost(self) -> dict[str, float]:
        """True pairs by what became of them, see `evaluation.diagnosis.lost_labels`; empty if the run has none."""
        return self._group("lost")

    @cached_property
    def candidates(self) -> dict[int, float]:
        """Percent of the true pairs among the K best predictions, by K; empty if the run has none."""
        return {int(k): value for k, value in self._group("candidates").items()}

    @cached_property
    def calibration(self) -> list[dict[str, float]]:
        """Predicted pairs by score, see `evaluation.diagnosis.calibration`; empty if scores are not probabilities."""
        return list(self._evaluated.get("calibration") or [])

    @property
    def _evaluation(self) -> Path:
        return self.run.path / "metrics.json"

    @cached_property
    def _evaluated(self) -> dict[str, Any]:
        found = _mapping(self._evaluation)
        if GROUPS[0] not in found:
            raise InputError(
                f"{self._evaluation} has no group {GROUPS[0]!r}, so it is of an older version: evaluate this run again"
            )
        return found

    def _group(self, name: str) -> dict[str, Any]:
        """One group of metrics.json; empty if the file has none of that name."""
        found = self._evaluated.get(name) or {}
        if not isinstance(found, dict):
            raise InputError(f"{self._evaluation}: {name} is not a group of values: evaluate this run again")
        return found

    @cached_property
    def training(self) -> list[dict[str, Any]]:
        """The lines of the training log, without an incomplete last one; empty where there is no log."""
        path = self.run.path / "training.jsonl"
        if not path.is_file():
            return []
        lines = (_line(text) for text in unchanged(path).read_text(encoding="utf-8", errors="replace").split("\n"))
        return [line for line in lines if line is not None]


@dataclass(frozen=True)
class Group:
    """The seeds of one (dataset, method, variant, protocol)."""

    dataset: str
    method: str
    variant: str
    protocol: str | None
    results: tuple[Result, ...]

    @property
    def backbones(self) -> set[str]:
        """The encoders of its runs; none for an ensemble, or for a method that reads no tokens."""
        return {result.run.backbone for result in self.results if result.run.backbone}

    @property
    def is_ensemble(self) -> bool:
        """Whether its runs combine the members of their method."""
        return self.results[0].run.member is None

    def values(self, metric: str) -> list[float]:
        """The metric of each seed that has it, in percent."""
        return [result.metrics[metric] for result in self.results if metric in result.metrics]

    def mean(self, metric: str) -> float | None:
        """Mean over the seeds; None where none has the metric."""
        values = self.values(metric)
        return fmean(values) if values else None

    def std(self, metric: str) -> float | None:
        """Sample standard deviation over the seeds; None for fewer than two."""
        values = self.values(metric)
        return stdev(values) if len(values) > 1 else None


def groups_of(selection: Selection) -> list[Group]:
    """Runs grouped over seeds: datasets and methods in the selection's order, an ensemble after its members."""
    gathered: dict[tuple[str, str, str, str | None], list[Run]] = {}
    for run in selection.runs:
        gathered.setdefault((run.dataset, run.method, run.variant, run.protocol), []).append(run)
    groups = [
        Group(*key, tuple(Result(run) for run in sorted(runs, key=lambda run: run.seed)))
        for key, runs in gathered.items()
    ]
    datasets, methods = list(selection.datasets), list(selection.methods)
    return sorted(groups, key=lambda g: (datasets.index(g.dataset), methods.index(g.method), g.is_ensemble))


def of_dataset(groups: Iterable[Group], dataset: str) -> list[Group]:
    """Those of one dataset, in their order."""
    return [group for group in groups if group.dataset == dataset]


def leading(groups: list[Group]) -> list[Group]:
    """The groups; if there are more than `MANY`, without the members of ensembles."""
    return [group for group in groups if not _joined(group, groups)] if len(groups) > MANY else groups


def one_per_backbone(groups: list[Group]) -> list[Group]:
    """The groups; if there are more than `MANY`, of each ensemble's members only the first per backbone."""
    if len(groups) <= MANY:
        return groups
    first: dict[object, Group] = {}
    for group in groups:
        key = (group.method, *sorted(group.backbones)) if _joined(group, groups) else id(group)
        first.setdefault(key, group)
    return list(first.values())


def _joined(group: Group, groups: list[Group]) -> bool:
    return not group.is_ensemble and any(g.is_ensemble and g.method == group.method for g in groups)


def _recorded(path: Path) -> dict[str, Any]:
    return _mapping(path) if path.is_file() else {}


def _mapping(path: Path) -> dict[str, Any]:
    value = read_json(unchanged(path))
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object: {remake(path)}")
    return value


def _line(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
