"""How many of the test set's labels are ever hit among the first predictions."""

from __future__ import annotations

from matplotlib.figure import Figure

from lightxml_core.reporting.figures.bars import DEPTHS, bars, metric
from lightxml_core.reporting.runs import Group
from lightxml_core.selection import Selection


def draw(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """Bars of the labels hit in the first 1, 3 and 5 predictions, see `evaluation.averages.coverage`."""
    readings = {f"in the first {k}": metric(f"coverage@{k}") for k in DEPTHS}
    return bars(selection, dataset, groups, readings, "percent of the labels of the test documents")
