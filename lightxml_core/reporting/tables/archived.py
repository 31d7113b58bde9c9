"""Whether each figure is as in the archive of our runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lightxml_core.archive.verdict import EQUAL, ERRORS, Judged, Outcome, judge
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.numbers import NONE, or_word, signed
from lightxml_core.reporting.tables.results import Built, Results
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Selection

_NAMES = ["dataset", "method", "variant", "metric", "archived", "here", "difference", "noise", "seeds"]
COLUMNS = [*_NAMES, "outcome", "changed", "unseeded"]
_EMPTY = "The archive has no runs of this target. `make archive` puts them there."
_RULE = (
    f"Reproduced: the figures differ by less than {EQUAL} points. Within noise: by at most {ERRORS:g} standard errors, "
    "of the test documents and, with several seeds, of the seeds. Off: by more. Not compared: the settings differ.",
    "Changed: what is not as in the archived run. With other code or packages, or on another processor, sums can round "
    "differently.",
)


def build(results: Results) -> Built:
    """The .csv has one row per group and headline metric that has archived runs; see `archive.verdict.judge`."""
    judged = list(judge(results.selection, results.groups, results.archive))
    return Built([_table(results.selection, judged)], COLUMNS, [_cells(one) for one in judged])


def _cells(one: Judged) -> list[Any]:
    names = [one.group.dataset, one.group.method, one.group.variant, one.metric]
    numbers = [round(value, 6) for value in (one.archived, one.here, one.difference, one.noise)]
    return [*names, *numbers, one.seeds, one.outcome.value, ", ".join(one.changed) or NONE, or_word(one.unseeded, NONE)]


def _table(selection: Selection, judged: Sequence[Judged]) -> Table:
    if not judged:
        return Table("As archived", [], [], "", [_EMPTY])
    counts = Counter(one.outcome for one in judged)
    counted = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome)
    rows = [_row(selection, one) for one in judged]
    headers = [*_NAMES, "outcome", "changed"]
    return Table("As archived", headers, rows, "llllrrrrrll", [f"Figures: {counted}.", *_RULE])


def _row(selection: Selection, one: Judged) -> list[str]:
    names = title_of(selection.datasets, one.group.dataset), title_of(selection.methods, one.group.method)
    numbers = [f"{one.archived:.2f}", f"{one.here:.2f}", signed(one.difference), f"{one.noise:.2f}", str(one.seeds)]
    return [*names, one.group.variant, one.metric, *numbers, one.outcome.value, ", ".join(one.changed) or NONE]
