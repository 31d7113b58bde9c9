"""Figures for print and screen: one module a figure, all in the style of `style.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from lightxml_core.reporting.figures.bars import bars, lost_labels
from lightxml_core.reporting.figures.calibration import calibration
from lightxml_core.reporting.figures.corpora import corpora
from lightxml_core.reporting.figures.cost import cost
from lightxml_core.reporting.figures.rules import rules
from lightxml_core.reporting.figures.style import STYLE, save
from lightxml_core.reporting.figures.tail import tail
from lightxml_core.reporting.figures.training import training
from lightxml_core.reporting.runs import Selection, groups_of


def write_figures(selection: Selection, out: Path) -> None:
    """Write every figure to `out`, each as .svg and .png, the same bytes every time.

    Bars are means over the seeds in percent, whiskers the sample standard deviation where there are two or more.
    A figure without data says so in the picture. Raises InputError where a run's metrics cannot be read.
    """
    groups = groups_of(selection)
    with mpl.rc_context(STYLE):
        save(bars(selection, groups, "P"), out / "precision")
        save(bars(selection, groups, "PSP"), out / "propensity")
        save(tail(selection, groups), out / "tail")
        save(lost_labels(selection, groups), out / "lost")
        save(calibration(selection, groups), out / "calibration")
        save(cost(selection, groups), out / "cost")
        save(training(selection, groups), out / "training")
        save(corpora(selection), out / "corpora")
        save(rules(), out / "rules")
