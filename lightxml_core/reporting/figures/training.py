"""Losses and validation precision over the course of training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.files import read_json, unchanged
from lightxml_core.reporting.figures.curves import (
    Points,
    Read,
    draw_panels,
    finite,
    has_points,
    logged,
    validation_title,
    validations,
)
from lightxml_core.reporting.figures.style import canvas, grey_styles
from lightxml_core.reporting.published import PublishedCurve
from lightxml_core.reporting.runs import Group, Result
from lightxml_core.selection import Selection

_LOSSES = {"loss": "training loss", "recall_loss": "loss of the recall head", "rank_loss": "loss of the rank head"}


def draw(
    selection: Selection, dataset: str, groups: list[Group], curves: Sequence[PublishedCurve] = ()
) -> Figure | None:
    """Losses over optimiser steps, smoothed, and below validation P@1, P@3 and P@5 over documents encoded.

    The two heads' losses where they are logged; a panel that would be empty is left out. curves: published for the
    dataset, drawn beside the validation; an epoch is as many documents as the corpus has for training.
    """
    losses: dict[str, Read] = {words: partial(_loss, name) for name, words in _LOSSES.items()}
    rows = [row for row in (logged(losses, groups), logged(validations(), groups)) if row]
    shown = [group for group in groups if any(has_points(of, group) for row in rows for of in row.values())]
    if not shown:
        return None
    beside = [curve for curve in curves if any(validation_title(curve.metric) in row for row in rows)]
    names = list(dict.fromkeys(map(_name, beside)))
    styles = dict(zip(names, grey_styles(len(names)), strict=True))
    figure = canvas(selection, dataset, shown, 2.4 * len(rows), others=styles)
    panels: dict[str, Axes] = {}
    for part, row in zip(figure.subfigures(len(rows), 1, squeeze=False)[:, 0], rows, strict=True):
        validated = "documents encoded" if row.keys() <= validations().keys() else "optimiser steps"
        panels |= draw_panels(part, row, shown, validated)
    documents = _training_documents(selection.datasets[dataset].stats) if beside else 0
    for curve in beside:
        along = [epoch * documents for epoch in curve.epochs]
        panels[validation_title(curve.metric)].plot(along, curve.values, zorder=1, **styles[_name(curve)])
    return figure


def _name(curve: PublishedCurve) -> str:
    return f"{curve.method}, {curve.variant} (published, test documents)"


def _training_documents(stats: Path) -> int:
    return int(read_json(unchanged(stats))["documents_trn"])


def _loss(name: str, run: Result) -> Points:
    """A loss over steps, a centred moving mean over a fiftieth of the log, at most about 400 points."""
    steps, values = finite([(line.get("step"), line.get(name)) for line in run.training if line.get("kind") == "step"])
    if len(values) < 3:
        return steps, values
    width = max(1, len(values) // 50) | 1
    padded = np.pad(values, width // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(width) / width, mode="valid")
    every = max(1, len(values) // 400)
    return steps[::every], smooth[::every].tolist()
