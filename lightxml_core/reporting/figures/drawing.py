"""Draws the figures of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import cast

import matplotlib as mpl
from matplotlib.figure import Figure

from lightxml_core.files import new_folder
from lightxml_core.reporting.figures.catalogue import KINDS, Kind
from lightxml_core.reporting.figures.fonts import drawable
from lightxml_core.reporting.figures.style import STYLE, save
from lightxml_core.reporting.published import PublishedCurve
from lightxml_core.reporting.runs import Group, groups_of, leading, of_dataset, one_per_backbone
from lightxml_core.selection import Selection

Draw = Callable[[Selection, str, list[Group]], Figure | None]


def load_draw(kind: Kind, curves: Sequence[PublishedCurve] = ()) -> Draw:
    """The function that draws a kind of figure: it returns None where there is nothing to show.

    curves: what is published for the dataset, for the kinds that show it.
    """
    draw = import_module(f"{__package__}.{kind.name}").draw
    return cast(Draw, partial(draw, curves=curves) if kind.with_curves else draw)


def write_figures(selection: Selection, curves: Sequence[PublishedCurve], out: Path) -> None:
    """Write the folder `out` anew: each kind of figure for each dataset as .svg and .png.

    Equal input gives equal bytes. Bars are means over the seeds in percent, whiskers the sample standard deviation
    where there are two or more. `fonts.drawable` says how titles are shown. A figure that has
    nothing to show has no file. Raises InputError where a run's metrics cannot be read.
    """
    selection, families = drawable(selection)
    groups = groups_of(selection)
    with mpl.rc_context({**STYLE, "font.family": families}), new_folder(out) as folder:
        for dataset in selection.datasets:
            own, name = of_dataset(groups, dataset), selection.datasets[dataset].published_as
            published = [curve for curve in curves if curve.dataset == name]
            for kind in KINDS:
                if kind.over_datasets and dataset != next(iter(selection.datasets)):
                    continue
                shown = one_per_backbone(own) if kind.of_members else leading(own)
                figure = load_draw(kind, published)(selection, dataset, shown)
                if figure is not None:
                    save(figure, folder / kind.stem(selection, dataset))
