"""Panels of curves over the course of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from lightxml_core.reporting.figures.style import line_styles, plain_numbers
from lightxml_core.reporting.runs import Group, Result

_VALIDATED = ("P@1", "P@3", "P@5")
Points = tuple[list[float], list[float]]
Read = Callable[[Result], Points]


def validations() -> dict[str, Read]:
    """Validation P@1, P@3 and P@5 over documents encoded, by the title of their panel."""
    return {validation_title(metric): partial(_validation, metric) for metric in _VALIDATED}


def validation_title(metric: str) -> str:
    """The title of the panel of a validation metric."""
    return f"validation {metric} (%)"


def logged(panels: dict[str, Read], groups: list[Group]) -> dict[str, Read]:
    """Those panels for which some run logged values."""
    return {words: of for words, of in panels.items() if any(has_points(of, group) for group in groups)}


def has_points(of: Read, group: Group) -> bool:
    """Whether some run of the group logged values."""
    return any(of(result)[0] for result in group.results)


def draw_panels(part: Any, panels: dict[str, Read], groups: list[Group], along: str) -> dict[str, Axes]:
    """One panel per reading, side by side in a figure or subfigure, by its title. along: what the x axis counts."""
    drawn = {}
    for axes, (words, of) in zip(part.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        axes.set_title(words)
        _curves(axes, groups, of)
        axes.set_xlabel(along, fontsize=8)
        if along == "optimiser steps" and all(np.min(line.get_ydata()) > 0 for line in axes.lines):
            axes.set_yscale("log")
            plain_numbers(axes.yaxis)
        drawn[words] = axes
    return drawn


def _curves(axes: Axes, groups: list[Group], of: Read) -> None:
    """Each run's points in its group's colour and line style; a mark each where they are few."""
    for group, style in zip(groups, line_styles(len(groups)), strict=True):
        for steps, values in map(of, group.results):
            if steps:
                axes.plot(steps, values, marker="o" if len(steps) < 20 else "", markersize=3, alpha=0.9, **style)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=True))


def _validation(metric: str, run: Result) -> Points:
    found = ((line.get("encoded"), line.get("validation")) for line in run.training)
    return finite([(encoded, values.get(metric)) for encoded, values in found if isinstance(values, dict)])


def finite(pairs: Sequence[tuple[Any, Any]]) -> Points:
    """Only pairs of two finite numbers, as x and y."""
    kept = [(float(x), float(y)) for x, y in pairs if isinstance(x, int | float) and isinstance(y, int | float)]
    kept = [(x, y) for x, y in kept if np.isfinite(x) and np.isfinite(y)]
    return [x for x, _ in kept], [y for _, y in kept]
