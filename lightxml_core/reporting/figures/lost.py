"""What became of the true labels."""

from __future__ import annotations

from statistics import fmean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.bars import name_rows
from lightxml_core.reporting.figures.style import BLUE, ORANGE, SKY, VERMILION, WIDTH, head
from lightxml_core.reporting.runs import Group
from lightxml_core.reporting.titles import labels
from lightxml_core.selection import Selection

_FATES = {
    "first": ("among the first 5", BLUE),
    "listed": ("predicted further down", SKY),
    "unlisted": ("not among the best 100", ORANGE),
    "unseen": ("never seen in training", VERMILION),
}


def draw(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """Bars to 100 percent: what became of the true labels, see `evaluation.diagnosis`."""
    shown = [group for group in groups if any(result.lost for result in group.results)]
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, 0.3 * len(shown) + 1.15))
    axes, left = figure.subplots(), np.zeros(len(shown))
    head(figure, selection, dataset)
    for fate, (words, colour) in _FATES.items():
        shares = np.array([fmean(result.lost[fate] for result in group.results if result.lost) for group in shown])
        axes.barh(range(len(shown)), shares, 0.7, left=left, color=colour, label=words)
        _number(axes, left, shares, "white" if colour in (BLUE, VERMILION) else "black")
        left += shares
    name_rows(axes, labels(selection, shown, ", "), "percent of the true labels of the test documents")
    axes.set_xlim(0, 100)
    figure.legend(loc="outside lower left", ncols=len(_FATES), fontsize=8, handlelength=1)
    return figure


def _number(axes: Axes, left: np.ndarray, shares: np.ndarray, ink: str) -> None:
    for row, share in enumerate(shares):
        if share >= 4:
            axes.text(left[row] + share / 2, row, f"{share:.0f}", ha="center", va="center", fontsize=7, color=ink)
