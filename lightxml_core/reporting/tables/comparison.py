"""Every reproduced figure beside the published ones: a long .csv, and a table per dataset for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lightxml_core.evaluation.catalogue import HEADLINE
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.matching import Compared, Model
from lightxml_core.reporting.numbers import MISSING, NONE, NOT_RUN, or_word
from lightxml_core.reporting.splits import splits_notes
from lightxml_core.reporting.tables.cells import Cell, notes_on, protocol_of
from lightxml_core.reporting.tables.pivot import by_model
from lightxml_core.reporting.tables.results import Built, Results
from lightxml_core.reporting.titles import title_of, titles_of
from lightxml_core.selection import Selection

PUBLISHED = ["dataset", "method", "variant", "metric", "published", "source", "verified"]
COLUMNS = [*PUBLISHED, "reproduced_mean", "reproduced_std", "seeds", "protocol"]


def build(results: Results) -> Built:
    """The .csv has one row per (dataset, method, variant, metric, protocol, published source).

    `reproduced_mean` and `reproduced_std` are percent over the seeds (sample standard deviation, "n/a" for one
    seed), `seeds` counts them. No cell is blank: a published figure that was not run says "not run", a run
    without a published figure says "none". A dataset or method has its registry name, and a method
    that is only published its published name.
    """
    rows = [[*published_cells(row), *reproduced_cells(row), protocol_of(row.model)] for row in results.compared]
    return Built(_tables(results.selection, results.compared), COLUMNS, rows)


def published_cells(row: Compared) -> list[Any]:
    """The cells of a .csv under `PUBLISHED`."""
    figure, model = row.published, row.model
    published = [NONE] * 3 if figure is None else [figure.value, figure.source, figure.verified]
    return [model.dataset, model.method, model.variant, row.metric, *published]


def reproduced_cells(row: Compared) -> list[Any]:
    """The cells of a .csv for the mean, the standard deviation and the number of seeds."""
    found = row.reproduced
    return [NOT_RUN, NOT_RUN, 0] if found is None else [found.mean, or_word(found.std, MISSING), found.seeds]


def _tables(selection: Selection, compared: Sequence[Compared]) -> list[Table]:
    """One table per dataset: a row per method and variant, reproduced mean ± std and [published] in a cell.

    Methods that were run come first, in the selection's order; those only published follow, best P@1 first.
    """
    return [
        _table(selection, dataset, [row for row in compared if row.model.dataset == dataset])
        for dataset in selection.datasets
    ]


def _table(selection: Selection, dataset: str, compared: Sequence[Compared]) -> Table:
    rows = by_model(compared)
    known = dict.fromkeys(row.model for row in compared)
    shown = [model for model in known if any((model, metric) in rows for metric in HEADLINE)]
    ordered = sorted(shown, key=lambda model: _place(model, rows.get((model, "P@1"))))
    title = f"{title_of(selection.datasets, dataset)}: precision, reproduced and [published], in percent"
    if not ordered:
        return Table(title, [], [], "", ["No runs and no published figures."])
    protocols = sorted({protocol_of(model) for model in ordered if model.ran})
    several, titles = len(protocols) > 1, titles_of(selection.methods)
    body, cells = [], []
    for model in ordered:
        name = titles[model.method] if model.ran else model.method
        own = [Cell(f"{name}, {model.variant}", metric, rows.get((model, metric), [])) for metric in HEADLINE]
        protocol = [protocol_of(model) if model.ran else "published"] if several else []
        body.append([name, model.variant, *protocol, *(cell.text(model.ran) for cell in own)])
        cells += own
    headers = ["method", "variant", *(["protocol"] if several else []), *HEADLINE]
    notes = [*notes_on(cells), *splits_notes(selection, [dataset])]
    notes += [] if several else [f"Protocol: {', '.join(protocols) or NOT_RUN}."]
    return Table(title, headers, body, "l" * (len(headers) - len(HEADLINE)) + "r" * len(HEADLINE), notes)


def _place(model: Model, precision: Sequence[Compared] | None) -> float:
    """Sort key: runs in their order, then published models, best P@1 first."""
    if model.ran:
        return -math.inf
    return -precision[0].published.value if precision and precision[0].published else 0.0
