"""Calibration: how often predicted labels are true, by their score."""

from __future__ import annotations

from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import WIDTH, head, line_styles
from lightxml_core.reporting.runs import Group
from lightxml_core.reporting.titles import labels
from lightxml_core.selection import Selection


def draw(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """The share of predicted labels that are true, by the tenth that their score lies in.

    Of each method and variant the first seed, if its scores lie between 0 and 1.
    """
    shown = [group for group in groups if group.results[0].calibration]
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    for group, style in zip(shown, line_styles(len(shown)), strict=True):
        found = group.results[0].calibration
        axes.plot([b["score"] for b in found], [b["true"] for b in found], marker="o", ms=3, **style)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="mean score of a tenth", ylabel="share of true labels")
    head(figure, selection, dataset)
    words = [
        "perfectly calibrated",
        *labels(selection, shown, ", "),
    ]  # given so, none is left out for a leading underscore
    figure.legend(axes.lines, words, loc="outside right center", fontsize=8, handlelength=3.2)
    return figure
