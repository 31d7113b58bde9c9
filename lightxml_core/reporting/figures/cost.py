"""Accuracy against what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.reporting.costs import milliseconds_per_document, model_bytes, training_seconds
from lightxml_core.reporting.figures.style import canvas, marks, plain_numbers
from lightxml_core.reporting.runs import Group, groups_of, of_dataset
from lightxml_core.selection import Selection


def _mebibytes(group: Group, groups: list[Group]) -> float | None:
    size = model_bytes(group, groups)
    return None if size is None else size / 2**20


_COSTS = {
    "training, s": training_seconds,
    "model, MiB": _mebibytes,
    "prediction, ms per document": milliseconds_per_document,
}


def draw(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """Two rows of panels, P@1 and PSP@5, against training time, model size and prediction time."""
    everyone = of_dataset(groups_of(selection), dataset)  # an ensemble costs what its members cost, shown or not
    shown = [group for group in groups if any(of(group, everyone) for of in _COSTS.values())]
    if not shown:
        return None
    figure = canvas(selection, dataset, shown, 4.2, line=False, mark=True)
    grid = figure.subplots(2, len(_COSTS), squeeze=False, sharex="col", sharey="row")
    for line, metric in zip(grid, ("P@1", "PSP@5"), strict=True):
        line[0].set_ylabel(f"{metric} (%)", fontsize=8)
        for axes, (words, of) in zip(line, _COSTS.items(), strict=True):
            _points(axes, [(of(group, everyone), group.mean(metric)) for group in shown])
            axes.set_xlabel(words if metric == "PSP@5" else "", fontsize=8)
    return figure


def _points(axes: Axes, points: Sequence[tuple[float | None, float | None]]) -> None:
    for (x, y), mark in zip(points, marks(len(points)), strict=True):
        if x and y is not None:
            axes.plot([x], [y], linestyle="none", markersize=7, **mark)
    axes.set_xscale("log")
    plain_numbers(axes.xaxis)
    axes.margins(0.15)
    axes.tick_params(labelsize=8)
