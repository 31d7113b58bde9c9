"""Mean ranks and win rates over datasets."""

from __future__ import annotations

from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.ranks import RANKED, standings
from lightxml_core.reporting.tables.results import Built, Results, as_read
from lightxml_core.reporting.titles import titles_of

_EMPTY = "Ranks need at least two datasets on which at least two methods were run."
_NOTES = (
    "Rank: mean over the datasets, 1 is the best; equal figures share their mean rank. Won: percent of the pairs of a "
    "dataset and another method that are won, ties counted half; in brackets the numbers won, tied and lost.",
    "A tie: the difference is at most 1.96 standard errors, as for bold cells in the main table.",
)


def build(results: Results) -> Built:
    """One row per method, best mean rank at the first metric first."""
    found = standings(results.selection)
    if not found.by_metric:
        return as_read([Table("Ranks over datasets", [], [], "", [_EMPTY])])
    headers = ["method", *(f"{metric} {what}" for metric in RANKED for what in ("rank", "won"))]
    rows = []
    for standing in zip(*(found.by_metric[metric] for metric in RANKED), strict=True):
        cells = [(f"{one.rank:.2f}", f"{one.win_rate:.0f} ({one.wins}/{one.ties}/{one.losses})") for one in standing]
        rows.append([standing[0].name, *(cell for pair in cells for cell in pair)])
    titles = titles_of(results.selection.datasets)
    notes = [*_NOTES, f"Datasets: {', '.join(titles[name] for name in found.datasets)}."]
    ordered = sorted(rows, key=lambda row: float(row[1]))
    return as_read([Table("Ranks over datasets", headers, ordered, "l" + "r" * (len(headers) - 1), notes)])
