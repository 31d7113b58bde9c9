"""Whether true labels are lost before the ranking, because they are no candidates, or by the ranking."""

from __future__ import annotations

from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import canvas, line_styles, marks, plain_numbers
from lightxml_core.reporting.runs import Group
from lightxml_core.selection import Selection


def draw(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """Recall among the K best predictions by K, and recall among the most of them against P@5; means over seeds."""
    shown = [group for group in groups if all(result.candidates for result in group.results)]
    if not shown:
        return None
    figure = canvas(selection, dataset, shown, 2.9, mark=True)
    recall, ranking = figure.subplots(1, 2)
    for group, line, mark in zip(shown, line_styles(len(shown)), marks(len(shown)), strict=True):
        depths, values = _means(group)
        recall.plot(depths, values, markersize=4, alpha=0.9, **(line | mark))
        if (mean := group.mean("P@5")) is not None:
            ranking.plot([values[-1]], [mean], linestyle="none", markersize=7, **mark)
    recall.set_xscale("log")
    plain_numbers(recall.xaxis)
    _words(recall, "true labels among the K best (%)", "K predictions")
    _words(ranking, "P@5 (%)", "true labels among the 100 best (%)")
    ranking.margins(0.15)
    return figure


def _means(group: Group) -> tuple[list[int], list[float]]:
    depths = sorted(group.results[0].candidates)
    return depths, [fmean(result.candidates[depth] for result in group.results) for depth in depths]


def _words(axes: Axes, title: str, along: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(along, fontsize=8)
    axes.tick_params(labelsize=8)
