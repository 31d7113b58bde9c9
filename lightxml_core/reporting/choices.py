"""What each member was set to, where its definition says more than the method's defaults. Imports nothing heavy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lightxml_core.reporting.features import features_of
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["dataset", "method", "variant", "setting", "value"]
DEFAULTS = "the method's defaults"


def settings(selection: Selection) -> pd.DataFrame:
    """One row, exactly `COLUMNS`, for every setting of every member's definition; value as JSON has it.

    Seeds share their settings. A member without any has one row that says so. On datasets with published figures,
    `features` is the TF-IDF that a member, or its label clusters, were made from.
    """
    import pandas as pd

    rows: dict[tuple[str, ...], None] = {}
    for run in selection.runs:
        if run.settings is not None:
            names = (run.dataset, run.method, run.variant)
            chosen = {key: json.dumps(value, ensure_ascii=False) for key, value in run.settings.items()}
            rows.update(dict.fromkeys((*names, *pair) for pair in (chosen or {DEFAULTS: "none"}).items()))
            features = features_of(selection, run.dataset, run.features)
            if features and selection.datasets[run.dataset].published_as:
                rows[*names, "features", json.dumps(features, ensure_ascii=False)] = None
    return pd.DataFrame(list(rows), columns=COLUMNS, dtype=object)


def settings_table(selection: Selection, frame: pd.DataFrame) -> Table:
    """A row a member for people, from the frame or its .csv read as text."""
    chosen: dict[tuple[str, str, str], list[str]] = {}
    for row in frame.to_dict("records"):
        chosen.setdefault((row["dataset"], row["method"], row["variant"]), []).append(_spelled(row))
    rows = [
        [title_of(selection.datasets, dataset), title_of(selection.methods, method), variant, ", ".join(words)]
        for (dataset, method, variant), words in chosen.items()
    ]
    if not rows:
        return Table("Settings", [], [], "", ["No member was trained here, so nothing was set."])
    notes = ["Every other setting has the default of the method's code; provenance.json of each run has all of them."]
    return Table("Settings", ["dataset", "method", "variant", "settings"], rows, "llll", notes)


def _spelled(row: dict[str, Any]) -> str:
    return DEFAULTS if row["setting"] == DEFAULTS else f"{row['setting']} {str(row['value']).strip(chr(34))}"
