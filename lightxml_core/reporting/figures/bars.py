"""Bars: precision, coverage of the labels, and what became of the true labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from statistics import fmean, stdev

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import BLACK, BLUE, ORANGE, SKY, VERMILION, WIDTH, head
from lightxml_core.reporting.runs import Group, Result
from lightxml_core.reporting.titles import labels
from lightxml_core.selection import Selection

_Reading = Callable[[Result], float | None]
_KS = (1, 3, 5)


def precision(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """P@1, P@3 and P@5 in percent."""
    readings = {f"P@{k}": partial(_metric, f"P@{k}") for k in _KS}
    return _bars(selection, dataset, groups, readings, "percent")


def propensity(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """PSP@1, PSP@3 and PSP@5 in percent."""
    readings = {f"PSP@{k}": partial(_metric, f"PSP@{k}") for k in _KS}
    return _bars(selection, dataset, groups, readings, "percent")


def coverage(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """How many of the test set's labels are ever hit in the first 1, 3 and 5, see `evaluation.tail`."""
    readings = {f"in the first {k}": partial(_coverage, str(k)) for k in _KS}
    return _bars(selection, dataset, groups, readings, "percent of the labels that the test documents have")


def _metric(name: str, run: Result) -> float | None:
    return run.metrics.get(name)


def _coverage(k: str, run: Result) -> float | None:
    return run.tail.get("coverage", {}).get(k)


def _bars(
    selection: Selection, dataset: str, groups: list[Group], readings: Mapping[str, _Reading], along: str
) -> Figure | None:
    """Horizontal bars, so that names stay readable: a row a method and variant, a bar a reading."""
    shown = [group for group in groups if any(_values(group, of) for of in readings.values())]
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, max(1.3, 0.5 * len(shown) + 0.55) + 0.6))
    axes = figure.subplots()
    head(figure, selection, dataset)
    for i, (words, of) in enumerate(readings.items()):
        heights = np.arange(len(shown)) + (i - 1) * 0.26
        _draw(axes, heights, [_values(group, of) for group in shown], (BLUE, SKY, ORANGE)[i], words)
    _rows(axes, labels(selection, shown, "\n"), along)
    axes.margins(x=0.08)
    axes.set_xlim(left=0)
    axes.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, fontsize=8, handlelength=1)
    return figure


def _values(group: Group, of: _Reading) -> list[float]:
    return [value for run in group.runs if (value := of(run)) is not None]


def _draw(axes: Axes, heights: np.ndarray, values: list[list[float]], colour: str, words: str) -> None:
    """A bar a row up to the mean of its values, which stands at its end, and a whisker where there are several."""
    axes.barh(heights, [fmean(own) if own else np.nan for own in values], 0.24, color=colour, label=words)
    for height, own in zip(heights, values, strict=True):
        deviation = stdev(own) if len(own) > 1 else 0.0
        if deviation:
            axes.errorbar(fmean(own), height, xerr=deviation, fmt="none", ecolor=BLACK, elinewidth=0.9, capsize=1.5)
        if own:
            end = (fmean(own) + deviation, height)
            axes.annotate(f"{fmean(own):.1f}", end, (3, 0), textcoords="offset points", va="center", fontsize=7)


def _rows(axes: Axes, names: list[str], along: str) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(along, fontsize=8)


_FATES = {
    "first": ("among the first 5", BLUE),
    "listed": ("predicted further down", SKY),
    "unlisted": ("not among the best 100", ORANGE),
    "unseen": ("never seen in training", VERMILION),
}


def lost_labels(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """Bars to 100 percent: what became of the true labels, see `evaluation.diagnosis`."""
    shown = [group for group in groups if any(run.lost for run in group.runs)]
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, 0.3 * len(shown) + 1.15))
    axes, left = figure.subplots(), np.zeros(len(shown))
    head(figure, selection, dataset)
    for fate, (words, colour) in _FATES.items():
        shares = np.array([fmean(run.lost[fate] for run in group.runs if run.lost) for group in shown])
        axes.barh(range(len(shown)), shares, 0.7, left=left, color=colour, label=words)
        _number(axes, left, shares, "white" if colour in (BLUE, VERMILION) else "black")
        left += shares
    _rows(axes, labels(selection, shown, ", "), "percent of the true labels of the test documents")
    axes.set_xlim(0, 100)
    figure.legend(loc="outside lower left", ncols=len(_FATES), fontsize=8, handlelength=1)
    return figure


def _number(axes: Axes, left: np.ndarray, shares: np.ndarray, ink: str) -> None:
    for row, share in enumerate(shares):
        if share >= 4:
            axes.text(left[row] + share / 2, row, f"{share:.0f}", ha="center", va="center", fontsize=7, color=ink)
