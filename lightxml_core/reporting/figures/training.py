"""Curves of training: loss, and validation precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import by_dataset, line_styles, plain_numbers, rows, say, title_and_legend
from lightxml_core.reporting.runs import Group, Run, Selection

_VALIDATED = ("P@1", "P@5")


def training(selection: Selection, groups: list[Group]) -> Figure:
    """A row a dataset: loss over optimiser steps; where logged, validation P@1 and P@5 over documents encoded."""
    shown = by_dataset(selection, groups, _trained_by_steps)
    return rows(shown, 3.2, partial(_training_row, selection), "no training log")


def _trained_by_steps(group: Group) -> bool:
    return any(line.get("kind") == "step" for run in group.runs for line in run.training)


def _training_row(selection: Selection, figure: Any, dataset: str, groups: list[Group]) -> None:
    title_and_legend(figure, selection, dataset, groups)
    shown = [metric for metric in _VALIDATED if any(_validation(metric, run)[0] for g in groups for run in g.runs)]
    loss, *validations = figure.subplots(1, 1 + len(shown), width_ratios=(1.35, *(1 for _ in shown)), squeeze=False)[0]
    loss.set_title("training loss, smoothed")
    plotted = _curves(loss, groups, _losses)
    if plotted and all(np.min(line.get_ydata()) > 0 for line in loss.lines):
        loss.set_yscale("log")
        plain_numbers(loss.yaxis)
    say(loss, "no loss logged", unless=plotted)
    for axes, metric in zip(validations, shown, strict=True):
        axes.set_title(f"validation {metric} (%)")
        _curves(axes, groups, partial(_validation, metric), "o", "documents encoded")


_Points = tuple[list[float], list[float]]


def _curves(
    axes: Axes,
    groups: list[Group],
    points: Callable[[Run], _Points],
    marker: str = "",
    along: str = "optimiser steps",
) -> bool:
    """Draw each run's points in its group's colour and line style; tell whether there were any."""
    drawn = False
    for group, style in zip(groups, line_styles(len(groups)), strict=True):
        for run in group.runs:
            steps, values = points(run)
            if steps:
                axes.plot(steps, values, marker=marker, markersize=3, alpha=0.9, **style)
                drawn = True
    axes.set_xlabel(along, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=True))
    return drawn


def _losses(run: Run) -> _Points:
    """Loss over steps, a centred moving mean over a fiftieth of the log, at most about 400 points."""
    pairs = [(line.get("step"), line.get("loss")) for line in run.training if line.get("kind") == "step"]
    steps, values = _finite(pairs)
    if len(values) < 3:
        return steps, values
    width = max(1, len(values) // 50) | 1
    padded = np.pad(values, width // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(width) / width, mode="valid")
    every = max(1, len(values) // 400)
    return steps[::every], smooth[::every].tolist()


def _validation(metric: str, run: Run) -> _Points:
    found = ((line.get("encoded"), line.get("validation")) for line in run.training)
    return _finite([(encoded, values.get(metric)) for encoded, values in found if isinstance(values, dict)])


def _finite(pairs: Sequence[tuple[Any, Any]]) -> _Points:
    kept = [(float(x), float(y)) for x, y in pairs if isinstance(x, int | float) and isinstance(y, int | float)]
    kept = [(x, y) for x, y in kept if np.isfinite(x) and np.isfinite(y)]
    return [x for x, _ in kept], [y for _, y in kept]
