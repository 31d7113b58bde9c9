"""Mean ranks over datasets."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.bars import name_rows
from lightxml_core.reporting.figures.style import WIDTH, marks
from lightxml_core.reporting.ranks import standings
from lightxml_core.reporting.runs import Group
from lightxml_core.selection import Selection


def draw(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """A row per method, a mark per metric at the mean rank; None for fewer than two datasets or methods."""
    found = standings(selection)
    if not found.by_metric:
        return None
    first = next(iter(found.by_metric.values()))
    order = sorted(range(len(first)), key=lambda place: first[place].rank)
    figure = Figure(figsize=(WIDTH, 0.32 * len(order) + 1.3))
    axes = figure.subplots()
    for (metric, standing), mark in zip(found.by_metric.items(), marks(len(found.by_metric)), strict=True):
        ranks = [standing[place].rank for place in order]
        axes.plot(ranks, range(len(order)), linestyle="none", label=metric, alpha=0.85, **mark)
    name_rows(
        axes, [first[place].name for place in order], f"mean rank over {len(found.datasets)} datasets, 1 the best"
    )
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
    figure.legend(loc="outside lower left", ncols=len(found.by_metric), fontsize=8)
    return figure
