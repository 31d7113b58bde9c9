"""Accuracy against what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.reporting.costs import milliseconds_a_document, model_bytes, training_seconds
from lightxml_core.reporting.figures.style import by_dataset, marks, plain_numbers, rows, title_and_legend
from lightxml_core.reporting.runs import Group, Selection


def _mebibytes(group: Group, groups: list[Group]) -> float | None:
    size = model_bytes(group, groups)
    return None if size is None else size / 2**20


_COSTS = {
    "training, s": training_seconds,
    "model, MiB": _mebibytes,
    "prediction, ms a document": milliseconds_a_document,
}


def cost(selection: Selection, groups: list[Group]) -> Figure:
    """Two rows of panels a dataset, P@1 and PSP@5, against training time, model size and prediction time."""

    def draw(row: Any, name: str, own: list[Group]) -> None:
        title_and_legend(row, selection, name, own, points=True)
        grid = row.subplots(2, len(_COSTS), squeeze=False, sharex="col", sharey="row")
        for line, metric in zip(grid, ("P@1", "PSP@5"), strict=True):
            line[0].set_ylabel(f"{metric} (%)", fontsize=8)
            for axes, (words, of) in zip(line, _COSTS.items(), strict=True):
                _points(axes, [(of(group, groups), group.mean(metric)) for group in own])
                axes.set_xlabel(words if metric == "PSP@5" else "", fontsize=8)

    shown = by_dataset(selection, groups, lambda group: any(of(group, groups) for of in _COSTS.values()))
    return rows(shown, 4.8, draw, "no cost recorded")


def _points(axes: Axes, points: Sequence[tuple[float | None, float | None]]) -> None:
    for (x, y), mark in zip(points, marks(len(points)), strict=True):
        if x and y is not None:
            axes.plot([x], [y], linestyle="none", markersize=7, **mark)
    axes.set_xscale("log")
    plain_numbers(axes.xaxis)
    axes.margins(0.15)
    axes.tick_params(labelsize=8)
