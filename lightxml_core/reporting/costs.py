"""What training and prediction cost, over seeds and over the members of an ensemble. Imports nothing heavy.

A blend costs what its members cost, besides its own part, whether or not the target lists them. Where a member does not
leave the validation documents out, its second training, without them, counts too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from lightxml_core.reporting.runs import Group, Result


def members_of(group: Group, groups: list[Group]) -> list[Group]:
    """The members of an ensemble among `groups`; empty for a group that is no ensemble."""
    if not group.is_ensemble:
        return []
    key = (group.dataset, group.method, group.protocol)
    return [g for g in groups if (g.dataset, g.method, g.protocol) == key and not g.is_ensemble]


def training_seconds(group: Group, groups: list[Group]) -> float | None:
    """Training wall time in s, summed over members; None where one recorded none."""
    return _over(group, groups, lambda run: summed(run.trainings, "wall_seconds"))


def peak_memory_gib(group: Group, groups: list[Group]) -> float | None:
    """Peak memory of training in GiB, the largest of the members."""
    return _over(group, groups, lambda run: summed(run.trainings, "peak_memory_gib", max), max)


def model_bytes(group: Group, groups: list[Group]) -> float | None:
    """Size of the saved models in bytes, summed over members."""
    return _over(group, groups, lambda run: summed(run.models, "model_bytes"))


def milliseconds_per_document(group: Group, groups: list[Group]) -> float | None:
    """Prediction time per document in ms, summed over members."""
    return _over(group, groups, lambda run: run.milliseconds_per_document)


def documents_per_second(group: Group, groups: list[Group]) -> float | None:
    """Test documents predicted per second, if all are predicted together. Members predict one after another."""
    milliseconds = milliseconds_per_document(group, groups)
    return 1000.0 / milliseconds if milliseconds else None


def milliseconds_for_one_text(group: Group, groups: list[Group]) -> float | None:
    """Time to tag one text in ms, with the model in memory, summed over members."""
    return _over(group, groups, lambda run: run.milliseconds_for_one_text)


def prediction_time(result: Result) -> str | None:
    """The times of a run's predictions as a phrase, in ms; None if none was recorded."""
    times = {
        "ms per document, all test documents together": result.milliseconds_per_document,
        "ms for one text": result.milliseconds_for_one_text,
    }
    return "; ".join(f"{time:.3g} {words}" for words, time in times.items() if time is not None) or None


def machine(hardware: Mapping[str, Any]) -> list[str]:
    """GPU, CPU and cores of a provenance's `hardware`, in words; what was not recorded is left out."""
    cores = f"{hardware['cores']} cores" if hardware.get("cores") else None
    return [str(part) for part in (hardware.get("gpu"), hardware.get("cpu"), cores) if part]


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


def summed(
    about: Sequence[Mapping[str, Any]], key: str, combine: Callable[[Iterable[float]], float] = sum
) -> float | None:
    """A number of several trainings' provenance, combined; None where one of them has not recorded it."""
    return combined((one.get(key) for one in about), combine)


def combined(values: Iterable[float | None], combine: Callable[[Iterable[float]], float] = sum) -> float | None:
    """The values combined; None if one of them is not known."""
    found = list(values)
    known = [float(value) for value in found if value is not None]
    return combine(known) if len(known) == len(found) else None
