"""P@1, P@3 and P@5 of every method and variant."""

from __future__ import annotations

from matplotlib.figure import Figure

from lightxml_core.reporting.figures.bars import DEPTHS, bars, metric
from lightxml_core.reporting.runs import Group
from lightxml_core.selection import Selection


def draw(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """Bars in percent."""
    return bars(selection, dataset, groups, {f"P@{k}": metric(f"P@{k}") for k in DEPTHS}, "percent")
