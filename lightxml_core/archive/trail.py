"""What a run records of itself: its place in an archive, its members, settings and corpus. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightxml_core.archive.entry import place_of
from lightxml_core.reporting.runs import Result
from lightxml_core.selection import ENSEMBLE, Run, Selection


def archived_place(run: Run) -> Path:
    """Where a run of a selection lies in an archive."""
    return place_of(run.dataset, run.method, run.member or ENSEMBLE, run.seed)


def results_of(selection: Selection, run: Run) -> list[Result]:
    """The run, or the members that an ensemble combines."""
    if run.member is not None:
        return [Result(run)]
    key = (run.dataset, run.method, run.protocol, run.seed)
    return [
        Result(one)
        for one in selection.runs
        if (one.dataset, one.method, one.protocol, one.seed) == key and one.member is not None
    ]


def settings_of(results: Sequence[Result]) -> dict[str, Any]:
    """The settings of a run, without its seed; those of an ensemble by member."""
    own = {str(one.run.member): _without_seed(one.provenance.get("settings") or {}) for one in results}
    return own if len(own) > 1 else next(iter(own.values()))


def _without_seed(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "seed"}


def corpus_of(run: Run) -> Path:
    """The corpus of a run: of its dataset, or of the split that its seed runs on."""
    return run.path.parents[2] / "corpus"
