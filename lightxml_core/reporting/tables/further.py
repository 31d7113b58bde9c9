"""The metrics that no other table shows. comparison.csv has every metric at every k."""

from __future__ import annotations

from lightxml_core.evaluation.catalogue import METRICS
from lightxml_core.reporting.markup import NOTHING, Table
from lightxml_core.reporting.splits import splits_notes
from lightxml_core.reporting.tables.cells import Cell, notes_on, protocol_of
from lightxml_core.reporting.tables.pivot import NAMES, by_model
from lightxml_core.reporting.tables.results import Built, Results, as_read
from lightxml_core.reporting.titles import title_of, titles_of

_METRICS = tuple(metric.names[-1] for metric in METRICS.values() if not metric.headline)
_NOTES = (
    f"Reproduced, mean over the seeds, and [published], in percent; {NOTHING}: there is no such figure.",
    "docs/results.md defines the metrics. Macro averages are over the labels of the test set.",
)
_EMPTY = "No run has these metrics: evaluate the runs again."


def build(results: Results) -> Built:
    """A table per dataset: one row per model that was run, one column per metric at its largest k."""
    tables = [table for dataset in results.selection.datasets if (table := _table(results, dataset))]
    return as_read(tables or [Table("Further metrics", [], [], "", [_EMPTY])])


def _table(results: Results, dataset: str) -> Table | None:
    rows, selection = by_model(results.compared), results.selection
    models = dict.fromkeys(model for model, metric in rows if metric in _METRICS)
    titles, body, shown = titles_of(selection.methods), [], []
    for model in (model for model in models if model.ran and model.dataset == dataset):
        name = f"{titles[model.method]}, {model.variant}"
        cells = [Cell(name, metric, rows.get((model, metric), [])) for metric in _METRICS]
        body.append([titles[model.method], model.variant, protocol_of(model), *(cell.text(ran=True) for cell in cells)])
        shown += cells
    if not body:
        return None
    notes = [*_NOTES, *notes_on(shown), *splits_notes(selection, [dataset])]
    title = f"Further metrics: {title_of(selection.datasets, dataset)}"
    return Table(title, [*NAMES, *_METRICS], body, "lll" + "r" * len(_METRICS), notes)
