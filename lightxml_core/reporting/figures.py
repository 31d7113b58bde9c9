"""Figures for print and screen: precision, hits by label frequency, cost, training curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lightxml_core.files import atomic_path
from lightxml_core.reporting.runs import Group, Run, Selection, groups_of, of_dataset, title_of
from lightxml_core.reporting.terminal import members_of, training_seconds

# Okabe and Ito, "Color Universal Design" (2008); their yellow is left out: on white it is too faint for a line.
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK = (
    *("#0072B2", "#D55E00", "#009E73", "#E69F00"),
    *("#CC79A7", "#56B4E9", "#000000"),
)
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
_STYLE: Any = {
    "svg.hashsalt": "lightxml",
    "font.size": 9,
    "text.parse_math": False,  # names come from files: a dollar sign in one is a dollar sign
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
}
_VALIDATED = ("P@1", "P@5")
_TAIL_TITLES = ("labels of a decile found (R@5, %)", "what a decile adds to P@5 (%)")


def write_figures(selection: Selection, out: Path) -> None:
    """Write precision, propensity, tail, cost and training to `out`, each as .svg and .png, the same bytes every time.

    Bars are means over the seeds in percent, whiskers the sample standard deviation where there are two or more.
    A figure without data says so in the picture. Raises InputError where a run's metrics cannot be read.
    """
    groups = groups_of(selection)
    with mpl.rc_context(_STYLE):
        _save(_bars(selection, groups, "P"), out / "precision")
        _save(_bars(selection, groups, "PSP"), out / "propensity")
        _save(_tail(selection, groups), out / "tail")
        _save(_cost(selection, groups), out / "cost")
        _save(_training(selection, groups), out / "training")


def _save(figure: Figure, stem: Path) -> None:
    FigureCanvasAgg(figure)
    for suffix, metadata in ((".svg", {"Date": None}), (".png", {"Software": None})):
        with atomic_path(stem.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, dpi=160, metadata=metadata)


# --- bars -----------------------------------------------------------------------------------------------------------


def _bars(selection: Selection, groups: list[Group], family: str) -> Figure:
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
            _bar_panel(axes, shown, metrics, [_label(selection, group, shown) for group in shown])
        else:
            _say(axes, f"no {family}@k for this dataset")
    if not by_dataset:
        _say(panels[0], "no datasets selected")
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


def _label(selection: Selection, group: Group, groups: list[Group]) -> str:
    """`method\\nvariant`; only the method where it is one model, the protocol too where both were run."""
    siblings = [g for g in groups if g.method == group.method]
    parts = [group.variant] if len({g.variant for g in siblings}) > 1 else []
    parts += [group.protocol] if len({g.protocol for g in siblings}) > 1 else []
    title = title_of(selection["methods"], group.method)
    return "\n".join(filter(None, [title, " ".join(parts)]))


# --- tail and cost --------------------------------------------------------------------------------------------------


def _tail(selection: Selection, groups: list[Group]) -> Figure:
    """A row a dataset: recall at 5 by decile of label frequency, and what each decile adds to P@5."""
    counted = [group for group in groups if any(run.tail for run in group.runs)]
    names = [name for name in selection["datasets"] if of_dataset(counted, name)]
    if not names:
        return _nothing("no hits by label frequency")
    figure = Figure(figsize=(7.4, 3.3 * len(names)))
    for row, name in zip(figure.subfigures(len(names), 1, squeeze=False)[:, 0], names, strict=True):
        own = of_dataset(counted, name)
        _title_and_legend(row, selection, name, own)
        panels = row.subplots(1, 2)
        for axes, metric, title in zip(panels, ("R@5", "P@5"), _TAIL_TITLES, strict=True):
            axes.set_title(title)
            for group, style in zip(own, _styles(len(own)), strict=True):
                axes.plot(range(1, 11), _by_decile(group, metric), marker="o", markersize=3, alpha=0.9, **style)
            axes.set_xticks(range(1, 11))
            axes.set_ylim(bottom=0)
            axes.set_xlabel("labels by frequency: 1 the most frequent tenth", fontsize=8)
            axes.tick_params(labelsize=8)
    return figure


def _by_decile(group: Group, metric: str) -> list[float]:
    """Mean over seeds; no number where the test set has no such label."""
    found = [run.tail["deciles"][metric] for run in group.runs if run.tail]
    rows = np.array([[np.nan if value is None else value for value in values] for values in found])
    return [float(value) for value in rows.mean(axis=0)]


def _cost(selection: Selection, groups: list[Group]) -> Figure:
    """Two rows of panels a dataset, P@1 and PSP@5, against training time, model size and prediction time."""
    costs = {"training, s": training_seconds, "model, MiB": _mebibytes, "prediction, ms a document": _milliseconds}
    known = [group for group in groups if any(cost(group, groups) for cost in costs.values())]
    names = [name for name in selection["datasets"] if of_dataset(known, name)]
    if not names:
        return _nothing("no cost recorded")
    figure = Figure(figsize=(7.4, 4.8 * len(names)))
    for row, name in zip(figure.subfigures(len(names), 1, squeeze=False)[:, 0], names, strict=True):
        own = of_dataset(known, name)
        _title_and_legend(row, selection, name, own, marks=True)
        grid = row.subplots(2, len(costs), squeeze=False, sharex="col", sharey="row")
        for line, metric in zip(grid, ("P@1", "PSP@5"), strict=True):
            line[0].set_ylabel(f"{metric} (%)", fontsize=8)
            for axes, (words, cost) in zip(line, costs.items(), strict=True):
                _points(axes, [(cost(group, groups), group.mean(metric)) for group in own])
                axes.set_xlabel(words if metric == "PSP@5" else "", fontsize=8)
    return figure


def _points(axes: Axes, points: Sequence[tuple[float | None, float | None]]) -> None:
    for (x, y), mark in zip(points, _marks(len(points)), strict=True):
        if x and y is not None:
            axes.plot([x], [y], linestyle="none", markersize=7, **mark)
    axes.set_xscale("log")
    _plain_numbers(axes.xaxis)
    axes.margins(0.15)
    axes.tick_params(labelsize=8)


def _marks(count: int) -> list[dict[str, Any]]:
    """Colour and shape change together, so that points stay apart without colour."""
    pairs = zip(cycle((BLUE, VERMILION, GREEN, ORANGE, PURPLE, BLACK)), cycle("osD^vPX"), strict=False)
    return [{"color": colour, "marker": shape} for colour, shape in islice(pairs, count)]


def _mebibytes(group: Group, groups: list[Group]) -> float | None:
    """Mean over seeds, summed over an ensemble's members; None where one recorded nothing."""
    return _summed(group, groups, lambda run: run.provenance.get("model_bytes", 0) / 2**20 or None)


def _milliseconds(group: Group, groups: list[Group]) -> float | None:
    return _summed(group, groups, lambda run: run.milliseconds_a_document)


def _summed(group: Group, groups: list[Group], of: Callable[[Run], float | None]) -> float | None:
    values = [[value for run in part.runs if (value := of(run))] for part in members_of(group, groups) or [group]]
    return sum(float(np.mean(found)) for found in values) if all(values) else None


def _nothing(words: str) -> Figure:
    figure = Figure(figsize=(6.6, 1.6))
    _say(figure.subplots(), words)
    return figure


def _title_and_legend(
    figure: Any, selection: Selection, dataset: str, groups: list[Group], marks: bool = False
) -> None:
    """The dataset's name above; the groups' names below, in as many columns as fit the page."""
    figure.suptitle(title_of(selection["datasets"], dataset), x=0.01, ha="left", fontsize=10, fontweight="bold")
    labels = [_label(selection, group, groups).replace("\n", ", ") for group in groups]
    styles = [{"linestyle": "none", **mark} for mark in _marks(len(groups))] if marks else _styles(len(groups))
    handles = [mpl.lines.Line2D([], [], **style) for style in styles]
    columns = max(1, min(3, len(groups), 110 // (10 + max(map(len, labels)))))
    figure.legend(handles, labels, loc="outside lower left", ncols=columns, fontsize=8, handlelength=3.2)


# --- training -------------------------------------------------------------------------------------------------------


def _training(selection: Selection, groups: list[Group]) -> Figure:
    """A row a dataset: loss over optimiser steps; where logged, validation P@1 and P@5 over documents encoded."""
    logged = [group for group in groups if any(run.training for run in group.runs)]
    names = [name for name in selection["datasets"] if of_dataset(logged, name)]
    if not names:
        return _nothing("no training log")
    figure = Figure(figsize=(7.4, 3.2 * len(names)))
    rows = figure.subfigures(len(names), 1, squeeze=False)[:, 0]
    for row, name in zip(rows, names, strict=True):
        _training_row(row, selection, name, of_dataset(logged, name))
    return figure


def _training_row(figure: Any, selection: Selection, dataset: str, groups: list[Group]) -> None:
    _title_and_legend(figure, selection, dataset, groups)
    shown = [metric for metric in _VALIDATED if any(_validation(metric, run)[0] for g in groups for run in g.runs)]
    loss, *validations = figure.subplots(1, 1 + len(shown), width_ratios=(1.35, *(1 for _ in shown)), squeeze=False)[0]
    loss.set_title("training loss, smoothed")
    plotted = _curves(loss, groups, _losses)
    if plotted and all(np.min(line.get_ydata()) > 0 for line in loss.lines):
        loss.set_yscale("log")
        _plain_numbers(loss.yaxis)
    _say(loss, "no loss logged", unless=plotted)
    for axes, metric in zip(validations, shown, strict=True):
        axes.set_title(f"validation {metric} (%)")
        _curves(axes, groups, partial(_validation, metric), "o", "documents encoded")


_Points = tuple[list[float], list[float]]


def _curves(
    axes: Axes,
    groups: list[Group],
    points: Callable[[Run], _Points],
    marker: str = "",
    along: str = "optimiser steps",
) -> bool:
    """Draw each run's points in its group's colour and line style; tell whether there were any."""
    drawn = False
    for group, style in zip(groups, _styles(len(groups)), strict=True):
        for run in group.runs:
            steps, values = points(run)
            if steps:
                axes.plot(steps, values, marker=marker, markersize=3, alpha=0.9, **style)
                drawn = True
    axes.set_xlabel(along, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=True))
    return drawn


def _styles(count: int) -> list[dict[str, Any]]:
    """Colour and line style change together, so that lines stay apart without colour; 42 differ."""
    colours = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, BLACK)
    pairs = zip(cycle(colours), cycle(_LINES), strict=False)
    return [{"color": colour, "linestyle": line, "linewidth": 1.5} for colour, line in islice(pairs, count)]


def _losses(run: Run) -> _Points:
    """Loss over steps, a centred moving mean over a fiftieth of the log, at most about 400 points."""
    pairs = [(line.get("step"), line.get("loss")) for line in run.training if line.get("kind") == "step"]
    steps, values = _finite(pairs)
    if len(values) < 3:
        return steps, values
    width = max(1, len(values) // 50) | 1
    padded = np.pad(values, width // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(width) / width, mode="valid")
    every = max(1, len(values) // 400)
    return steps[::every], smooth[::every].tolist()


def _validation(metric: str, run: Run) -> _Points:
    found = ((line.get("encoded"), line.get("validation")) for line in run.training)
    return _finite([(encoded, values.get(metric)) for encoded, values in found if isinstance(values, dict)])


def _finite(pairs: Sequence[tuple[Any, Any]]) -> _Points:
    kept = [(float(x), float(y)) for x, y in pairs if isinstance(x, int | float) and isinstance(y, int | float)]
    kept = [(x, y) for x, y in kept if np.isfinite(x) and np.isfinite(y)]
    return [x for x, _ in kept], [y for _, y in kept]


def _plain_numbers(axis: Any) -> None:
    """Numbers instead of powers on a logarithmic axis: at 1, 2 and 5 of each decade, or at each decade over several."""
    low, high = axis.get_view_interval()
    subs = (1, 2, 5) if high < 30 * low else (1,)
    axis.set_major_locator(mpl.ticker.LogLocator(subs=subs))
    axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(mpl.ticker.NullLocator())


def _say(axes: Axes, words: str, unless: bool = False) -> None:
    """Put words where a figure has nothing to show."""
    if unless:
        return
    axes.text(0.5, 0.5, words, ha="center", va="center", transform=axes.transAxes, color="#555555")
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
