"""How figures look: colours, line styles, marks, legends, and how they are saved."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lightxml_core.files import atomic_path
from lightxml_core.reporting.runs import Group, Selection, of_dataset, title_of

# Okabe and Ito, "Color Universal Design" (2008); their yellow is left out: on white it is too faint for a line.
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK = (
    *("#0072B2", "#D55E00", "#009E73", "#E69F00"),
    *("#CC79A7", "#56B4E9", "#000000"),
)
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
STYLE: Any = {
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


def save(figure: Figure, stem: Path) -> None:
    FigureCanvasAgg(figure)
    for suffix, metadata in ((".svg", {"Date": None}), (".png", {"Software": None})):
        with atomic_path(stem.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, dpi=160, metadata=metadata)


def label(selection: Selection, group: Group, groups: list[Group]) -> str:
    """`method\\nvariant`; only the method where it is one model, the protocol too where both were run."""
    siblings = [g for g in groups if g.method == group.method]
    parts = [group.variant] if len({g.variant for g in siblings}) > 1 else []
    parts += [group.protocol] if len({g.protocol for g in siblings}) > 1 else []
    title = title_of(selection["methods"], group.method)
    return "\n".join(filter(None, [title, " ".join(parts)]))


def by_dataset(selection: Selection, groups: list[Group], has: Callable[[Group], object]) -> dict[str, list[Group]]:
    """The groups that have something to show, by dataset in the selection's order; no dataset without one."""
    found = {name: [group for group in of_dataset(groups, name) if has(group)] for name in selection["datasets"]}
    return {name: own for name, own in found.items() if own}


def rows(
    shown: dict[str, list[Group]], height: float, draw: Callable[[Any, str, list[Group]], None], otherwise: str
) -> Figure:
    """A row of `height` inches a dataset, each drawn into a figure of its own; the words `otherwise` without any."""
    if not shown:
        return nothing(otherwise)
    figure = Figure(figsize=(7.4, height * len(shown)))
    parts = figure.subfigures(len(shown), 1, squeeze=False)[:, 0]
    for part, (name, own) in zip(parts, shown.items(), strict=True):
        draw(part, name, own)
    return figure


def nothing(words: str) -> Figure:
    figure = Figure(figsize=(6.6, 1.6))
    say(figure.subplots(), words)
    return figure


def say(axes: Axes, words: str, unless: bool = False) -> None:
    """Put words where a figure has nothing to show."""
    if unless:
        return
    axes.text(0.5, 0.5, words, ha="center", va="center", transform=axes.transAxes, color="#555555")
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)


def title_and_legend(
    figure: Any, selection: Selection, dataset: str, groups: list[Group], points: bool = False
) -> None:
    """The dataset's name above; the groups' names below, in as many columns as fit the page."""
    figure.suptitle(title_of(selection["datasets"], dataset), x=0.01, ha="left", fontsize=10, fontweight="bold")
    labels = [label(selection, group, groups).replace("\n", ", ") for group in groups]
    styles = [{"linestyle": "none", **mark} for mark in marks(len(groups))] if points else line_styles(len(groups))
    handles = [mpl.lines.Line2D([], [], **style) for style in styles]
    columns = max(1, min(3, len(groups), 110 // (10 + max(map(len, labels)))))
    figure.legend(handles, labels, loc="outside lower left", ncols=columns, fontsize=8, handlelength=3.2)


def marks(count: int) -> list[dict[str, Any]]:
    """Colour and shape change together, so that points stay apart without colour."""
    pairs = zip(cycle((BLUE, VERMILION, GREEN, ORANGE, PURPLE, BLACK)), cycle("osD^vPX"), strict=False)
    return [{"color": colour, "marker": shape} for colour, shape in islice(pairs, count)]


def line_styles(count: int) -> list[dict[str, Any]]:
    """Colour and line style change together, so that lines stay apart without colour; 42 differ."""
    colours = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, BLACK)
    pairs = zip(cycle(colours), cycle(_LINES), strict=False)
    return [{"color": colour, "linestyle": line, "linewidth": 1.5} for colour, line in islice(pairs, count)]


def plain_numbers(axis: Any) -> None:
    """Numbers instead of powers on a logarithmic axis: at 1, 2 and 5 of each decade, or at each decade over several."""
    low, high = axis.get_view_interval()
    subs = (1, 2, 5) if high < 30 * low else (1,)
    axis.set_major_locator(mpl.ticker.LogLocator(subs=subs))
    axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(mpl.ticker.NullLocator())
