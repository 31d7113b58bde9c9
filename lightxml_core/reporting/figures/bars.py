"""Horizontal bars of several figures: a row per method and variant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import fmean, stdev

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import BLACK, BLUE, ORANGE, SKY, WIDTH, head
from lightxml_core.reporting.runs import Group, Result
from lightxml_core.reporting.titles import labels
from lightxml_core.selection import Selection

Reading = Callable[[Result], float | None]
DEPTHS = (1, 3, 5)


def metric(name: str) -> Reading:
    """Reads a metric of a run, in percent."""
    return lambda run: run.metrics.get(name)


def bars(
    selection: Selection, dataset: str, groups: list[Group], readings: Mapping[str, Reading], along: str
) -> Figure | None:
    """Horizontal bars, so that names stay readable: one row per method and variant, one bar per reading."""
    shown = [group for group in groups if any(_values(group, of) for of in readings.values())]
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, max(1.3, 0.5 * len(shown) + 0.55) + 0.6))
    axes = figure.subplots()
    head(figure, selection, dataset)
    for i, (words, of) in enumerate(readings.items()):
        heights = np.arange(len(shown)) + (i - 1) * 0.26
        _draw(axes, heights, [_values(group, of) for group in shown], (BLUE, SKY, ORANGE)[i], words)
    name_rows(axes, labels(selection, shown, "\n"), along)
    axes.margins(x=0.08)
    axes.set_xlim(left=0)
    axes.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, fontsize=8, handlelength=1)
    return figure


def _values(group: Group, of: Reading) -> list[float]:
    return [value for result in group.results if (value := of(result)) is not None]


def _draw(axes: Axes, heights: np.ndarray, values: list[list[float]], colour: str, words: str) -> None:
    """One bar per row up to the mean of its values, labelled with it; a whisker where there are several values."""
    axes.barh(heights, [fmean(own) if own else np.nan for own in values], 0.24, color=colour, label=words)
    for height, own in zip(heights, values, strict=True):
        deviation = stdev(own) if len(own) > 1 else 0.0
        if deviation:
            axes.errorbar(fmean(own), height, xerr=deviation, fmt="none", ecolor=BLACK, elinewidth=0.9, capsize=1.5)
        if own:
            end = (fmean(own) + deviation, height)
            axes.annotate(f"{fmean(own):.1f}", end, (3, 0), textcoords="offset points", va="center", fontsize=7)


def name_rows(axes: Axes, names: list[str], along: str) -> None:
    """Names beside horizontal bars, the first one above, and what the bars measure below."""
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(along, fontsize=8)
