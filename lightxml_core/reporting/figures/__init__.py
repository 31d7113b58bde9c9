"""Figures for print and screen: one module a figure, all in the style of `style.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from lightxml_core.files import new_folder
from lightxml_core.reporting.figures.bars import coverage, lost_labels, precision, propensity
from lightxml_core.reporting.figures.calibration import calibration
from lightxml_core.reporting.figures.candidates import candidates
from lightxml_core.reporting.figures.corpora import corpora
from lightxml_core.reporting.figures.cost import cost
from lightxml_core.reporting.figures.fonts import drawable
from lightxml_core.reporting.figures.rules import rules
from lightxml_core.reporting.figures.style import STYLE, save
from lightxml_core.reporting.figures.tail import tail
from lightxml_core.reporting.figures.training import negatives, training
from lightxml_core.reporting.pictures import PICTURES, RULES, picture_name
from lightxml_core.reporting.runs import Group, groups_of, leading, of_dataset, one_a_backbone
from lightxml_core.selection import Selection

Draw = Callable[[Selection, str, list[Group]], Figure | None]

_DRAWN: dict[str, Draw] = {
    "precision": precision,
    "propensity": propensity,
    "tail": tail,
    "coverage": coverage,
    "lost": lost_labels,
    "candidates": candidates,
    "calibration": calibration,
    "cost": cost,
    "training": training,
    "negatives": negatives,
    "corpora": corpora,
}
_OF_MEMBERS = ("training", "negatives")


def write_figures(selection: Selection, out: Path) -> None:
    """Write the folder `out` anew: each figure of `PICTURES` for each dataset as .svg and .png, and the rules.

    Equal input gives equal bytes. Bars are means over the seeds in percent, whiskers the sample standard deviation
    where there are two or more. `fonts.drawable` says how titles are shown. There is no file of a figure that has
    nothing to show. Raises InputError where a run's metrics cannot be read.
    """
    selection, families = drawable(selection)
    groups = groups_of(selection)
    with mpl.rc_context({**STYLE, "font.family": families}), new_folder(out) as folder:
        for dataset in selection.datasets:
            own = of_dataset(groups, dataset)
            for name in PICTURES:
                shown = one_a_backbone(own) if name in _OF_MEMBERS else leading(own)
                figure = _DRAWN[name](selection, dataset, shown)
                if figure is not None:
                    save(figure, folder / picture_name(selection, name, dataset))
        save(rules(selection), folder / RULES[0])
