"""What training and prediction cost, over seeds and over the members of an ensemble. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import fmean

from lightxml_core.reporting.runs import Group, Result


def members_of(group: Group, groups: list[Group]) -> list[Group]:
    """The members of an ensemble among `groups`; empty for a group that is no ensemble."""
    if not group.is_ensemble:
        return []
    key = (group.dataset, group.method, group.protocol)
    return [g for g in groups if (g.dataset, g.method, g.protocol) == key and not g.is_ensemble]


def training_seconds(group: Group, groups: list[Group]) -> float | None:
    """Training wall time in s, summed over members; None where one recorded none."""
    return _over(group, groups, lambda run: _recorded(run, "wall_seconds"))


def peak_memory_gib(group: Group, groups: list[Group]) -> float | None:
    """Peak memory of training in GiB, the largest of the members."""
    return _over(group, groups, lambda run: _recorded(run, "peak_memory_gib"), max)


def model_bytes(group: Group, groups: list[Group]) -> float | None:
    """Size of the saved models in bytes, summed over members."""
    return _over(group, groups, lambda run: _recorded(run, "model_bytes"))


def milliseconds_per_document(group: Group, groups: list[Group]) -> float | None:
    """Prediction time per document in ms, summed over members."""
    return _over(group, groups, lambda run: run.milliseconds_per_document)


def _over(
    group: Group,
    groups: list[Group],
    of: Callable[[Result], float | None],
    combine: Callable[[Iterable[float]], float] = sum,
) -> float | None:
    means = []
    for part in members_of(group, groups) or [group]:
        values = [value for result in part.results if (value := of(result)) is not None]
        if not values:
            return None
        means.append(fmean(values))
    return combine(means)


def _recorded(run: Result, key: str) -> float | None:
    value = run.provenance.get(key)
    return None if value is None else float(value)
