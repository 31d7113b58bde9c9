"""Does a run come out as the archived one? Imports nothing heavy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, stdev

from lightxml_core.archive.code import current_digest
from lightxml_core.archive.entry import Archive, Entry, digest_of
from lightxml_core.archive.trail import archived_place, results_of, settings_of
from lightxml_core.errors import InputError
from lightxml_core.evaluation.catalogue import HEADLINE
from lightxml_core.reporting.runs import Group, Result
from lightxml_core.selection import Selection

EQUAL = 0.005  # points: a smaller difference does not show in two digits
ERRORS = 2.0  # standard errors that count as noise
_UNSEEDED = {"omikuji_trees": "omikuji has no seed"}  # by method module: why two runs of one seed differ


class Outcome(StrEnum):
    """What became of an archived figure."""

    EQUAL = "reproduced"
    NOISE = "within noise"
    OFF = "off"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class Judged:
    """A figure beside the archived one: means in percent over the seeds that both have.

    noise: the largest difference in points that counts as noise. changed: what is not as in the archive, of settings,
    code and packages. unseeded: why the run cannot repeat itself, None if it can.
    """

    group: Group
    metric: str
    archived: float
    here: float
    noise: float
    seeds: int
    outcome: Outcome
    changed: tuple[str, ...]
    unseeded: str | None

    @property
    def difference(self) -> float:
        """Here minus archived, in points."""
        return self.here - self.archived


def judge(selection: Selection, groups: Sequence[Group], archive: Archive) -> Iterator[Judged]:
    """A verdict on each headline metric of each group that has archived seeds.

    *reproduced*: both figures print the same two digits after the point, or nearly so (`EQUAL`). *within noise*: they
    differ by at most `ERRORS` standard errors. The standard error joins that of the test documents and that of the
    seeds, where there are several. *off*: they differ by more. *not compared*: the settings are not the archived ones.
    """
    for group in groups:
        pairs = [(one, archive[place]) for one in group.results if (place := archived_place(one.run)) in archive]
        if pairs:
            changed = _changed(selection, pairs)
            split = bool(selection.datasets[group.dataset].splits)
            for metric in HEADLINE:
                if all(metric in one.metrics and metric in entry.metrics for one, entry in pairs):
                    yield _judged(group, metric, pairs, changed, split)


def _judged(
    group: Group, metric: str, pairs: Sequence[tuple[Result, Entry]], changed: tuple[str, ...], split: bool
) -> Judged:
    here, archived = ([one.metrics[metric] for one, _ in pairs], [entry.metrics[metric].value for _, entry in pairs])
    noise = ERRORS * math.hypot(_of_documents(metric, pairs, split), _of_seeds(here, archived, split))
    apart = abs(fmean(here) - fmean(archived))
    outcome = Outcome.EQUAL if apart < EQUAL else Outcome.NOISE if apart <= noise else Outcome.OFF
    outcome = Outcome.NOT_COMPARED if "settings" in changed else outcome
    reasons = [_UNSEEDED[name] for name in pairs[0][1].code.implementations if name in _UNSEEDED]
    return Judged(
        *(group, metric, fmean(archived), fmean(here), noise, len(pairs), outcome, changed),
        unseeded=reasons[0] if reasons else None,
    )


def _of_documents(metric: str, pairs: Sequence[tuple[Result, Entry]], split: bool) -> float:
    """The standard error of the archived mean over test documents; smaller where each seed has its own test set."""
    mean = fmean(entry.metrics[metric].error or 0.0 for _, entry in pairs)
    return mean / math.sqrt(len(pairs)) if split else mean


def _of_seeds(here: Sequence[float], archived: Sequence[float], split: bool) -> float:
    """The standard error of the difference over seeds; 0 for one seed.

    split: whether seeds run on different documents. Then only the differences per seed tell how far runs vary.
    """
    if len(here) < 2:
        return 0.0
    apart = [own - old for own, old in zip(here, archived, strict=True)]
    spread = stdev(apart) if split else math.sqrt(2) * stdev(archived)
    return spread / math.sqrt(len(here))


def _changed(selection: Selection, pairs: Sequence[tuple[Result, Entry]]) -> tuple[str, ...]:
    """What differs from the archived runs: `settings`, `code`, `packages`."""
    found = dict.fromkeys(what for one, entry in pairs for what in _changed_of(selection, one, entry))
    return tuple(found)


def _changed_of(selection: Selection, result: Result, entry: Entry) -> Iterator[str]:
    parts = results_of(selection, result.run)
    if digest_of(settings_of(parts)) != entry.settings_digest:
        yield "settings"
    if _code_differs(entry):
        yield "code"
    if any(part.provenance.get("packages") != entry.packages for part in parts):
        yield "packages"


def _code_differs(entry: Entry) -> bool:
    try:
        return current_digest(entry.code.implementations) != entry.code.digest
    except InputError:  # the module is gone
        return True
