"""Curves of training: losses, validation precision, and what dynamic negatives are worth."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import canvas, line_styles, plain_numbers
from lightxml_core.reporting.runs import Group, Result
from lightxml_core.selection import Selection

_LOSSES = {"loss": "training loss", "recall_loss": "loss of the recall head", "rank_loss": "loss of the rank head"}
_VALIDATED = ("P@1", "P@3", "P@5")
_Points = tuple[list[float], list[float]]
_Of = Callable[[Result], _Points]


def training(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """Losses over optimiser steps, smoothed, and below validation P@1, P@3 and P@5 over documents encoded.

    The two heads' losses where they are logged; a panel that would be empty is left out.
    """
    losses: dict[str, _Of] = {words: partial(_loss, name) for name, words in _LOSSES.items()}
    rows = [row for row in (_logged(losses, groups), _logged(_validations(), groups)) if row]
    shown = [group for group in groups if any(_any(of, group) for row in rows for of in row.values())]
    if not shown:
        return None
    figure = canvas(selection, dataset, shown, 2.4 * len(rows))
    for part, row in zip(figure.subfigures(len(rows), 1, squeeze=False)[:, 0], rows, strict=True):
        validated = "documents encoded" if row.keys() <= _validations().keys() else "optimiser steps"
        _panels(part, row, shown, validated)
    return figure


def negatives(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """Validation P@1, P@3 and P@5 of the members of a method that differ in nothing but their negatives."""
    own = (run for run in selection.runs if run.dataset == dataset)
    settings = {(run.method, run.variant): run.settings for run in own}
    alike: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        chosen = settings[group.method, group.variant]
        if chosen is not None and _logged(_validations(), [group]):
            rest = {key: value for key, value in chosen.items() if key != "negatives"}
            alike.setdefault((group.method, json.dumps(rest, sort_keys=True)), []).append(group)
    shown = max(alike.values(), key=len, default=[])
    if len({(settings[group.method, group.variant] or {}).get("negatives") for group in shown}) < 2:
        return None
    figure = canvas(selection, dataset, shown, 2.4)
    _panels(figure, _logged(_validations(), shown), shown, "documents encoded")
    return figure


def _validations() -> dict[str, _Of]:
    return {f"validation {metric} (%)": partial(_validation, metric) for metric in _VALIDATED}


def _logged(panels: dict[str, _Of], groups: list[Group]) -> dict[str, _Of]:
    return {words: of for words, of in panels.items() if any(_any(of, group) for group in groups)}


def _any(of: _Of, group: Group) -> bool:
    return any(of(run)[0] for run in group.runs)


def _panels(part: Any, panels: dict[str, _Of], groups: list[Group], along: str) -> None:
    for axes, (words, of) in zip(part.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        axes.set_title(words)
        _curves(axes, groups, of)
        axes.set_xlabel(along, fontsize=8)
        if along == "optimiser steps" and all(np.min(line.get_ydata()) > 0 for line in axes.lines):
            axes.set_yscale("log")
            plain_numbers(axes.yaxis)


def _curves(axes: Axes, groups: list[Group], of: _Of) -> None:
    """Each run's points in its group's colour and line style; a mark each where they are few."""
    for group, style in zip(groups, line_styles(len(groups)), strict=True):
        for steps, values in map(of, group.runs):
            if steps:
                axes.plot(steps, values, marker="o" if len(steps) < 20 else "", markersize=3, alpha=0.9, **style)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=True))


def _loss(name: str, run: Result) -> _Points:
    """A loss over steps, a centred moving mean over a fiftieth of the log, at most about 400 points."""
    steps, values = _finite([(line.get("step"), line.get(name)) for line in run.training if line.get("kind") == "step"])
    if len(values) < 3:
        return steps, values
    width = max(1, len(values) // 50) | 1
    padded = np.pad(values, width // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(width) / width, mode="valid")
    every = max(1, len(values) // 400)
    return steps[::every], smooth[::every].tolist()


def _validation(metric: str, run: Result) -> _Points:
    found = ((line.get("encoded"), line.get("validation")) for line in run.training)
    return _finite([(encoded, values.get(metric)) for encoded, values in found if isinstance(values, dict)])


def _finite(pairs: Sequence[tuple[Any, Any]]) -> _Points:
    kept = [(float(x), float(y)) for x, y in pairs if isinstance(x, int | float) and isinstance(y, int | float)]
    kept = [(x, y) for x, y in kept if np.isfinite(x) and np.isfinite(y)]
    return [x for x, _ in kept], [y for _, y in kept]
