"""Reproduced figures beside published ones: the long comparison, and the writing of every table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lightxml_core.files import write_text
from lightxml_core.reporting.bills import cost, cost_table
from lightxml_core.reporting.cells import MISSING, NONE, NOT_RUN, Cell, notes_on
from lightxml_core.reporting.choices import settings, settings_table
from lightxml_core.reporting.corpora import datasets, datasets_table, splits_notes
from lightxml_core.reporting.markup import Table, tex_file
from lightxml_core.reporting.matching import figures_of
from lightxml_core.reporting.papers import paper_tables
from lightxml_core.reporting.runs import SHOWN, Group, groups_of, is_accuracy, metric_order, of_dataset
from lightxml_core.reporting.titles import title_of, titles_of
from lightxml_core.reporting.verdicts import verdict_table, verdicts
from lightxml_core.selection import Selection

if TYPE_CHECKING:  # pandas is slow to import and the workflow plans without it
    import pandas as pd

COLUMNS = [
    *("dataset", "method", "variant", "metric", "published", "source", "verified"),
    *("reproduced_mean", "reproduced_std", "seeds", "protocol"),
]
_Row = dict[str, Any]


def comparison(selection: Selection, published: pd.DataFrame) -> pd.DataFrame:
    """The long table: exactly `COLUMNS`, one row per (dataset, method, variant, metric, protocol, published source).

    `reproduced_mean` and `reproduced_std` are percent over the seeds (sample standard deviation, "n/a" for one
    seed), `seeds` counts them. No cell is blank: a published figure that was not run says "not run", a run
    without a published figure says "none". A dataset or method has its registry name, and a method
    that is only published its published name. `matching.figures_of` says which figures stand beside which run.
    Raises InputError where a run's metrics cannot be read.
    """
    import pandas as pd

    groups = groups_of(selection)
    published = published.reset_index(drop=True)
    rows: list[_Row] = []
    for dataset, entry in selection.datasets.items():
        printed = published[(published.dataset == entry.published_as) & published.metric.map(is_accuracy)]
        used: set[Any] = set()
        for group in of_dataset(groups, dataset):
            rows += _run_rows(group, figures_of(selection, group, groups, printed), used)
        rows += [_only_published(dataset, figure) for figure in printed.drop(index=list(used)).itertuples()]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def write_tables(selection: Selection, published: pd.DataFrame, tolerance: Mapping[str, float], out: Path) -> None:
    """Write every table to `out`: those of papers.PAPERS, comparison, verdicts, datasets, cost, settings.

    Each as .csv, .md and .tex (booktabs). The .csv of the papers' tables has their cells as people read them, after
    the title of the table that each row is of; the others' are long, one figure per cell.
    tolerance: of the verdicts, in percentage points by family of metric.
    """
    long = comparison(selection, published)
    for name, tables in paper_tables(selection, long).items():
        _write(out / name, _as_frame(tables), tables)
    _write(out / "comparison", long, wide_tables(selection, long))
    judged = verdicts(selection, long, tolerance, published)
    _write(out / "verdicts", judged, [verdict_table(selection, judged)])
    chosen = settings(selection)
    _write(out / "settings", chosen, [settings_table(selection, chosen)])
    counted = datasets(selection, published)
    _write(out / "datasets", counted, [datasets_table(selection, counted)])
    costs = cost(selection, published)
    _write(out / "cost", costs, [cost_table(selection, costs)])


def wide_tables(selection: Selection, long: pd.DataFrame) -> list[Table]:
    """One table per dataset for people: a row per method and variant, reproduced mean ± std and [published] in a cell.

    Methods that were run come first, in the selection's order; those only published follow, best P@1 first.
    """
    return [_wide(selection, dataset, long[long.dataset == dataset]) for dataset in selection.datasets]


# --- the long table -------------------------------------------------------------------------------------------------


def _run_rows(group: Group, printed: pd.DataFrame, used: set[Any]) -> Iterator[_Row]:
    metrics = sorted({metric for run in group.runs for metric in run.metrics}, key=metric_order)
    for metric in metrics:
        figures = list(printed[printed.metric == metric].itertuples())
        used.update(figure.Index for figure in figures)
        for found in map(_published, figures or [None]):
            yield {
                **{"dataset": group.dataset, "method": group.method, "variant": group.variant, "metric": metric},
                **found,
                "reproduced_mean": round(fmean(group.values(metric)), 6),
                "reproduced_std": MISSING if (std := group.std(metric)) is None else round(std, 6),
                **{"seeds": len(group.values(metric)), "protocol": group.protocol or MISSING},
            }


def _published(figure: Any) -> _Row:
    if figure is None:
        return {"published": NONE, "source": NONE, "verified": NONE}
    return {"published": figure.value, "source": figure.source, "verified": figure.verified}


def _only_published(dataset: str, figure: Any) -> _Row:
    names = {"dataset": dataset, "method": figure.method, "variant": figure.variant, "metric": figure.metric}
    return {**names, **_published(figure), **dict.fromkeys(COLUMNS[7:9], NOT_RUN), "seeds": 0, "protocol": NOT_RUN}


# --- for people -----------------------------------------------------------------------------------------------------

_Key = tuple[str, str, str]  # method, variant, protocol


def _wide(selection: Selection, dataset: str, long: pd.DataFrame) -> Table:
    found: dict[_Key, dict[str, list[_Row]]] = {}
    for row in long.to_dict("records"):
        key = (row["method"], row["variant"], row["protocol"])
        found.setdefault(key, {}).setdefault(row["metric"], []).append(row)
    shown = [key for key in found if set(found[key]) & set(SHOWN)]
    ordered = sorted(shown, key=lambda key: _first_published(found[key]) if key[2] == NOT_RUN else -math.inf)
    protocols = sorted({key[2] for key in ordered} - {NOT_RUN})
    title = f"{title_of(selection.datasets, dataset)}: precision, reproduced and [published], in percent"
    if not ordered:
        return Table(title, [], [], "", ["Nothing was run and nothing is published."])
    tell, titles = len(protocols) > 1, titles_of(selection.methods)
    names = {key: key[0] if key[2] == NOT_RUN else titles[key[0]] for key in ordered}
    cells = {key: [Cell(f"{names[key]}, {key[1]}", at, found[key].get(at, [])) for at in SHOWN] for key in ordered}
    rows = [
        [names[m, v, p], v, *([p if p != NOT_RUN else "published"] if tell else []), *_texts(cells[m, v, p], p)]
        for m, v, p in ordered
    ]
    headers = ["method", "variant", *(["protocol"] if tell else []), *SHOWN]
    notes = notes_on([cell for row in cells.values() for cell in row])
    notes += splits_notes(selection, [dataset])
    notes += [] if tell else [f"Protocol: {', '.join(protocols) or NOT_RUN}."]
    return Table(title, headers, rows, "l" * (len(headers) - len(SHOWN)) + "r" * len(SHOWN), notes)


def _texts(cells: Iterable[Cell], protocol: str) -> list[str]:
    return [cell.text(protocol != NOT_RUN) for cell in cells]


def _first_published(figures: Mapping[str, list[_Row]]) -> float:
    return -float(figures["P@1"][0]["published"]) if "P@1" in figures else 0.0


# --- writing --------------------------------------------------------------------------------------------------------


def _as_frame(tables: Sequence[Table]) -> pd.DataFrame:
    """The cells of tables with the same headers; of one without rows, what it says instead."""
    import pandas as pd

    if not any(table.rows for table in tables):
        return pd.DataFrame([[table.title, " ".join(table.notes)] for table in tables], columns=["table", "note"])
    rows = [[table.title, *row] for table in tables for row in table.rows]
    return pd.DataFrame(rows, columns=["table", *tables[0].headers])


def _write(stem: Path, frame: pd.DataFrame, tables: Sequence[Table]) -> None:
    write_text(stem.with_suffix(".csv"), frame.to_csv(index=False, lineterminator="\n"))
    write_text(stem.with_suffix(".md"), "\n".join(table.markdown() for table in tables))
    write_text(stem.with_suffix(".tex"), tex_file(tables))
