"""Recall and precision from the most frequent labels to the rarest."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import canvas, line_styles
from lightxml_core.reporting.runs import Group
from lightxml_core.selection import Selection

_PANELS = {"R@5": "labels of a decile found (R@5, %)", "P@5": "contribution of a decile to P@5 (%)"}


def draw(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """Recall at 5 by decile of label frequency, and what each decile adds to P@5."""
    shown = [group for group in groups if any(result.tail for result in group.results)]
    if not shown:
        return None
    figure = canvas(selection, dataset, shown, 2.9)
    for axes, (metric, title) in zip(figure.subplots(1, 2), _PANELS.items(), strict=True):
        axes.set_title(title)
        for group, style in zip(shown, line_styles(len(shown)), strict=True):
            axes.plot(range(1, 11), _by_decile(group, metric), marker="o", markersize=3, alpha=0.9, **style)
        axes.set_xticks(range(1, 11))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("labels by frequency: 1 the most frequent tenth", fontsize=8)
        axes.tick_params(labelsize=8)
    return figure


def _by_decile(group: Group, metric: str) -> list[float]:
    """Mean over seeds; no number where the test set has no such label."""
    found = [result.tail["deciles"][metric] for result in group.results if result.tail]
    values = np.array([[np.nan if value is None else value for value in values] for values in found])
    return [float(value) for value in values.mean(axis=0)]
