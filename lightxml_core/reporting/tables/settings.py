"""What each member was set to, where its definition says more than the method's defaults."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from lightxml_core.reporting.features import features_of
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.tables.results import Built, Results
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Run, Selection

COLUMNS = ["dataset", "method", "variant", "setting", "value"]
_DEFAULTS = "the method's defaults"


def build(results: Results) -> Built:
    """The .csv has one row for every setting of every member's definition; value as JSON has it.

    Seeds share their settings. A member without any has one row that says so. On datasets with published figures,
    `features` is the TF-IDF that a member, or its label clusters, were made from.
    """
    selection = results.selection
    rows = dict.fromkeys(row for run in selection.runs for row in _rows(selection, run))
    return Built([_table(selection, rows)], COLUMNS, list(rows))


def _rows(selection: Selection, run: Run) -> Iterator[tuple[str, ...]]:
    if run.settings is None:
        return
    names = (run.dataset, run.method, run.variant)
    for key, value in run.settings.items():
        yield (*names, key, json.dumps(value, ensure_ascii=False))
    if not run.settings:
        yield (*names, _DEFAULTS, "none")
    features = features_of(selection, run.dataset, run.features)
    if features and selection.datasets[run.dataset].published_as:
        yield (*names, "features", json.dumps(features, ensure_ascii=False))


def _table(selection: Selection, rows: Iterable[tuple[str, ...]]) -> Table:
    """One row per member."""
    chosen: dict[tuple[str, str, str], list[str]] = {}
    for dataset, method, variant, setting, value in rows:
        spelled = _DEFAULTS if setting == _DEFAULTS else f"{setting} {value.strip(chr(34))}"
        chosen.setdefault((dataset, method, variant), []).append(spelled)
    body = [
        [title_of(selection.datasets, dataset), title_of(selection.methods, method), variant, ", ".join(words)]
        for (dataset, method, variant), words in chosen.items()
    ]
    if not body:
        return Table("Settings", [], [], "", ["No member was trained."])
    notes = [
        "All other settings have the defaults of the method's code; provenance.json of each run lists every setting."
    ]
    return Table("Settings", ["dataset", "method", "variant", "settings"], body, "llll", notes)
