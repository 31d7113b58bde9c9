"""Bars: precision, and what became of the true labels."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import BLACK, BLUE, ORANGE, SKY, VERMILION, by_dataset, label, nothing, say
from lightxml_core.reporting.runs import Group, Selection, of_dataset, title_of


def bars(selection: Selection, groups: list[Group], family: str) -> Figure:
    """Horizontal bars, so that names stay readable: a row a method and variant, a bar a k, one panel a dataset."""
    metrics = [f"{family}@{k}" for k in (1, 3, 5)]
    by_dataset = {name: of_dataset(groups, name) for name in selection["datasets"]}
    heights = [max(1.3, 0.5 * len(found) + 0.55) for found in by_dataset.values()] or [1.3]
    figure = Figure(figsize=(6.6, sum(heights) + 0.35))
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (name, found) in zip(panels, by_dataset.items(), strict=False):
        shown = [group for group in found if any(group.values(metric) for metric in metrics)]
        axes.set_title(title_of(selection["datasets"], name), fontweight="bold")
        if shown:
            _bar_panel(axes, shown, metrics, [label(selection, group, shown) for group in shown])
        else:
            say(axes, f"no {family}@k for this dataset")
    if not by_dataset:
        say(panels[0], "no datasets selected")
    return figure


def _bar_panel(axes: Axes, groups: list[Group], metrics: list[str], labels: list[str]) -> None:
    for i, (metric, colour) in enumerate(zip(metrics, (BLUE, SKY, ORANGE), strict=True)):
        means = [np.nan if (mean := group.mean(metric)) is None else mean for group in groups]
        deviations = [group.std(metric) or 0.0 for group in groups]
        heights = np.arange(len(groups)) + (i - 1) * 0.26
        axes.barh(heights, means, 0.24, color=colour, label=metric)
        several = [n for n, deviation in enumerate(deviations) if deviation > 0]
        if several:
            spread = [deviations[n] for n in several]
            at = [means[n] for n in several]
            axes.errorbar(at, heights[several], xerr=spread, fmt="none", ecolor=BLACK, elinewidth=0.9, capsize=1.5)
        for mean, height, deviation in zip(means, heights, deviations, strict=True):
            if mean == mean:
                end = (mean + deviation, height)
                axes.annotate(f"{mean:.1f}", end, (3, 0), textcoords="offset points", va="center", fontsize=7)
    axes.set_yticks(range(len(groups)), labels)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.08)
    axes.set_xlim(left=0)
    axes.set_xlabel("percent", fontsize=8)
    axes.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, fontsize=8, handlelength=1)


_FATES = {
    "first": ("among the first 5", BLUE),
    "listed": ("predicted further down", SKY),
    "unlisted": ("not among the best 100", ORANGE),
    "unseen": ("never seen in training", VERMILION),
}


def lost_labels(selection: Selection, groups: list[Group]) -> Figure:
    """Bars to 100 percent, one panel a dataset: what became of the true labels, see `evaluation.diagnosis`."""
    shown = by_dataset(selection, groups, lambda group: any(run.lost for run in group.runs))
    if not shown:
        return nothing("no predictions diagnosed")
    heights = [0.3 * len(own) + 0.75 for own in shown.values()]
    figure = Figure(figsize=(6.6, sum(heights) + 0.3))
    panels = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (name, own) in zip(panels, shown.items(), strict=True):
        axes.set_title(title_of(selection["datasets"], name), fontweight="bold")
        _fate_panel(axes, selection, own)
    handles, words = panels[0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower left", ncols=len(_FATES), fontsize=8, handlelength=1)
    return figure


def _fate_panel(axes: Axes, selection: Selection, groups: list[Group]) -> None:
    left = np.zeros(len(groups))
    for fate, (words, colour) in _FATES.items():
        shares = np.array([np.mean([run.lost[fate] for run in group.runs if run.lost]) for group in groups])
        axes.barh(range(len(groups)), shares, 0.7, left=left, color=colour, label=words)
        for row, share in enumerate(shares):
            if share >= 4:
                ink = "white" if colour in (BLUE, VERMILION) else "black"
                axes.text(left[row] + share / 2, row, f"{share:.0f}", ha="center", va="center", fontsize=7, color=ink)
        left += shares
    axes.set_yticks(range(len(groups)), [label(selection, g, groups).replace("\n", ", ") for g in groups])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 100)
    axes.set_xlabel("percent of the true labels of the test documents", fontsize=8)
