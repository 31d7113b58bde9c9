"""How figures look: colours, line styles, marks, legends, and how they are saved."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lightxml_core.files import atomic_path
from lightxml_core.reporting.runs import Group
from lightxml_core.reporting.titles import labels, title_of, width
from lightxml_core.selection import Selection

# Okabe and Ito, "Color Universal Design" (2008); their yellow is left out: on white it is too faint for a line.
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK = (
    *("#0072B2", "#D55E00", "#009E73", "#E69F00"),
    *("#CC79A7", "#56B4E9", "#000000"),
)
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
WIDTH = 7.4  # inches
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
    """Write `stem`.svg and .png, without a date, so that the same figure is the same bytes."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)  # keeps the layout, whose computation for each file takes longer than drawing
        for suffix, metadata in ((".svg", {"Date": None}), (".png", {"Software": None})):
            with atomic_path(stem.with_suffix(suffix)) as temporary:
                figure.savefig(temporary, dpi=160, metadata=metadata)


def canvas(
    selection: Selection,
    dataset: str,
    groups: list[Group],
    height: float,
    line: bool = True,
    mark: bool = False,
    others: Mapping[str, dict[str, Any]] = MappingProxyType({}),
) -> Figure:
    """A figure of one dataset: its title above, `height` inches for panels, the groups' names below.

    line, mark: whether a group is shown by a line, by a mark, or by both. others: further lines, by name.
    """
    words = [*labels(selection, groups, ", "), *others]
    columns = max(1, min(3, len(words), 110 // (10 + max(map(width, words)))))
    figure = Figure(figsize=(WIDTH, height + 0.35 + 0.18 * -(-len(words) // columns)))
    head(figure, selection, dataset)
    styles = line_styles(len(groups)) if line else [{"linestyle": "none"}] * len(groups)
    both = zip(styles, marks(len(groups)), strict=True)
    shown = [*(style | (shape if mark else {}) for style, shape in both), *others.values()]
    handles = [mpl.lines.Line2D([], [], **style) for style in shown]
    figure.legend(handles, words, loc="outside lower left", ncols=columns, fontsize=8, handlelength=3.2)
    return figure


def head(figure: Figure, selection: Selection, dataset: str) -> None:
    """The title of the dataset, over the whole width."""
    figure.suptitle(title_of(selection.datasets, dataset), x=0.01, ha="left", fontsize=10, fontweight="bold")


def marks(count: int) -> list[dict[str, Any]]:
    """Colour and shape change together, so that points stay apart without colour."""
    pairs = zip(cycle((BLUE, VERMILION, GREEN, ORANGE, PURPLE, BLACK)), cycle("osD^vPX"), strict=False)
    return [{"color": colour, "marker": shape} for colour, shape in islice(pairs, count)]


def line_styles(count: int) -> list[dict[str, Any]]:
    """Colour and line style change together, so that lines stay apart without colour; 42 differ."""
    colours = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, BLACK)
    pairs = zip(cycle(colours), cycle(_LINES), strict=False)
    return [{"color": colour, "linestyle": line, "linewidth": 1.5} for colour, line in islice(pairs, count)]


def grey_styles(count: int) -> list[dict[str, Any]]:
    """Thin grey lines for what was not run here, apart by line style; 7 differ."""
    return [{"color": "#777777", "linestyle": line, "linewidth": 1.1} for line in islice(cycle(_LINES), count)]


def plain_numbers(axis: Any) -> None:
    """Numbers instead of powers on a logarithmic axis: at 1, 2 and 5 of each decade, or at each decade over several."""
    low, high = axis.get_view_interval()
    subs = (1, 2, 5) if high < 30 * low else (1,)
    axis.set_major_locator(mpl.ticker.LogLocator(subs=subs))
    axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(mpl.ticker.NullLocator())
