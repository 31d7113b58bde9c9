"""Hits from the most frequent labels to the rarest."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import by_dataset, line_styles, rows, title_and_legend
from lightxml_core.reporting.runs import Group, Selection

_TAIL_TITLES = ("labels of a decile found (R@5, %)", "what a decile adds to P@5 (%)")


def tail(selection: Selection, groups: list[Group]) -> Figure:
    """A row a dataset: recall at 5 by decile of label frequency, and what each decile adds to P@5."""

    def draw(row: Any, name: str, own: list[Group]) -> None:
        title_and_legend(row, selection, name, own)
        panels = row.subplots(1, 2)
        for axes, metric, title in zip(panels, ("R@5", "P@5"), _TAIL_TITLES, strict=True):
            axes.set_title(title)
            for group, style in zip(own, line_styles(len(own)), strict=True):
                axes.plot(range(1, 11), _by_decile(group, metric), marker="o", markersize=3, alpha=0.9, **style)
            axes.set_xticks(range(1, 11))
            axes.set_ylim(bottom=0)
            axes.set_xlabel("labels by frequency: 1 the most frequent tenth", fontsize=8)
            axes.tick_params(labelsize=8)

    shown = by_dataset(selection, groups, lambda group: any(run.tail for run in group.runs))
    return rows(shown, 3.3, draw, "no hits by label frequency")


def _by_decile(group: Group, metric: str) -> list[float]:
    """Mean over seeds; no number where the test set has no such label."""
    found = [run.tail["deciles"][metric] for run in group.runs if run.tail]
    values = np.array([[np.nan if value is None else value for value in values] for values in found])
    return [float(value) for value in values.mean(axis=0)]
