"""How a reproduced figure and those in print share one cell, and what its marks mean. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lightxml_core.reporting.markup import NOTHING

NOT_RUN, NONE, MISSING = "not run", "none", "n/a"
_MARKS = {
    "†": "† recalled: nobody could check this figure in its source.",
    "§": "§ derived from figures that were seen.",
    "‡": "‡ sources disagree: comparison.csv gives each.",
}
_OF = {"recalled": "†", "derived": "§"}


def cell(rows: Sequence[Mapping[str, Any]], run: bool = True) -> str:
    """`84.31 ± 0.21 [84.60†]`, `not run [84.60]`, `84.31`, `not run`; NOTHING where a run has no such figure.

    rows: those of the long comparison for one method, variant, protocol and metric, one a published source, its values
    as they are or read as text. The figure in brackets is the first in print. run: whether there is a run at all.
    """
    if not rows:
        return NOTHING if run else NOT_RUN
    return " ".join(filter(None, [reproduced(rows[0]), printed(rows)]))


def reproduced(row: Mapping[str, Any]) -> str:
    """The mean in percent, with its standard deviation where there are seeds enough."""
    if row["reproduced_mean"] == NOT_RUN:
        return NOT_RUN
    std = row["reproduced_std"]
    return f"{float(row['reproduced_mean']):.2f}" + ("" if std == MISSING else f" ± {float(std):.2f}")


def printed(rows: Sequence[Mapping[str, Any]]) -> str:
    """The first figure in print with its marks, in brackets; empty where there is none."""
    if rows[0]["published"] == NONE:
        return ""
    disagree = len({float(row["published"]) for row in rows}) > 1
    return f"[{float(rows[0]['published']):.2f}{_OF.get(rows[0]['verified'], '')}{'‡' * disagree}]"


def mark_notes(cells: Iterable[str]) -> list[str]:
    """The meaning of each mark that the cells bear."""
    text = " ".join(cells)
    return [note for mark, note in _MARKS.items() if mark in text]


def seeds_note(counts: Iterable[Any]) -> str:
    """On how many seeds the means stand. counts: of each row, 0 for what was not run."""
    numbers = [int(count) for count in counts if int(count)] or [0]
    seeds = " to ".join(map(str, sorted({min(numbers), max(numbers)})))
    return f"Seeds a row: {seeds}; ± is the sample standard deviation over them, absent for one seed."


def sources_note(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where the figures in brackets stand."""
    sources = dict.fromkeys(str(row["source"]) for row in rows if row["source"] != NONE)
    return [f"In print: {'; '.join(sources)}."] if sources else ["Nothing is in print for what stands here."]
