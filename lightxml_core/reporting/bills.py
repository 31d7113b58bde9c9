"""What training and prediction cost, measured here and published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lightxml_core.reporting.cells import MISSING, NONE, NOT_RUN
from lightxml_core.reporting.corpora import spelled
from lightxml_core.reporting.costs import (
    members_of,
    milliseconds_a_document,
    model_bytes,
    peak_memory_gib,
    training_seconds,
)
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.matching import figures_of
from lightxml_core.reporting.runs import Group, groups_of, of_dataset
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

_NAMES = ["dataset", "method", "variant", "protocol"]
_OWN = ["wall_seconds", "peak_memory_gib", "model_bytes", "ms_a_document", "hardware"]
_METRICS = {  # columns, and the metrics of published/ that fill them, the one to prefer first
    "published_train_hours": ("train_hours",),
    "published_epoch_seconds": ("epoch_seconds", "epoch_minutes"),
    "published_gpu_gib": ("gpu_memory_gib",),
    "published_model_gib": ("model_size_gib", "model_size_gb"),
    "published_ms_a_document": ("predict_ms_a_document", "inference_seconds"),
    "published_parameters": ("params",),
}
COLUMNS = [*_NAMES, "seeds", *_OWN, *_METRICS, "source", "verified", "other_sources"]
_HEADERS = {
    **{"wall_seconds": "training time", "peak_memory_gib": "peak GiB", "model_bytes": "model MiB"},
    **{"ms_a_document": "prediction ms per document", "published_train_hours": "published hours"},
    **{"published_epoch_seconds": "published seconds per epoch", "published_gpu_gib": "published GPU GiB"},
    **{"published_model_gib": "published GiB", "published_ms_a_document": "published ms per document"},
    **{"published_parameters": "published parameters", "other_sources": "other published figures"},
}


def cost(selection: Selection, published: pd.DataFrame) -> pd.DataFrame:
    """One row, exactly `COLUMNS`, per (dataset, method, variant, protocol), run or only published.

    Training wall time in s, peak memory in GiB, model in bytes, prediction in ms per document. Published: the first
    figure of each kind; other sources' figures are told in `other_sources`. What papers print as GB counts as GiB (see
    published/README.md); seconds for a test set are divided by its published number of documents.
    """
    import pandas as pd

    groups, rows = groups_of(selection), []
    for dataset, entry in selection.datasets.items():
        printed = published[published.dataset == entry.published_as]
        kinds = [metric for metrics in _METRICS.values() for metric in metrics]
        figures, tests = printed[printed.metric.isin(kinds)], printed[printed.metric == "N_test"]
        documents = float(tests.value.iloc[0]) if len(tests) else None
        used: set[Any] = set()
        for group in of_dataset(groups, dataset):
            found = figures_of(selection, group, groups, figures)
            used.update(found.index)
            rows.append({**_own(group, groups), **_published(found, documents)})
        rows += _only_printed(dataset, figures.drop(index=list(used)), documents)
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def cost_table(selection: Selection, frame: pd.DataFrame) -> Table:
    """For people, from the frame or its .csv read as text; columns that say nothing are left out."""
    title = "Cost of training and prediction"
    if not len(frame):
        return Table(title, [], [], "", ["Nothing was run and nothing is published."])
    told = [column for column in COLUMNS if column in _NAMES or set(frame[column]) - {NONE, MISSING, NOT_RUN}]
    rows = [[_spelled(selection, column, row) for column in told] for row in frame.to_dict("records")]
    words = {*_NAMES, "hardware", "source", "verified", "other_sources"}
    align = "".join("l" if column in words else "r" for column in told)
    return Table(title, [_HEADERS.get(column, column) for column in told], rows, align, _NOTES)


_NOTES = (
    "Means over the seeds; for an ensemble, times and sizes are summed over its members, memory is their largest.",
    "Published costs are from the authors' machines. GB is shown as GiB. A test set's prediction time is divided by "
    "its number of documents.",
)


def _own(group: Group, groups: list[Group]) -> dict[str, Any]:
    parts = members_of(group, groups) or [group]
    hardware = dict.fromkeys(_hardware(run.provenance) for part in parts for run in part.runs)
    return {
        **{
            "dataset": group.dataset,
            "method": group.method,
            "variant": group.variant,
            "protocol": group.protocol or MISSING,
        },
        **{"seeds": len(group.runs), "wall_seconds": _rounded(training_seconds(group, groups))},
        "peak_memory_gib": _rounded(peak_memory_gib(group, groups)),
        "model_bytes": _rounded(model_bytes(group, groups)),
        "ms_a_document": _rounded(milliseconds_a_document(group, groups), 4),
        "hardware": "; ".join(hardware) or MISSING,
    }


def _only_printed(dataset: str, figures: pd.DataFrame, documents: float | None) -> Iterator[dict[str, Any]]:
    for (method, variant), own in figures.groupby(["method", "variant"], sort=False):
        names = {"dataset": dataset, "method": method, "variant": variant, "protocol": NOT_RUN, "seeds": 0}
        yield {**names, **dict.fromkeys(_OWN, NOT_RUN), **_published(own, documents)}


def _published(figures: pd.DataFrame, documents: float | None) -> dict[str, Any]:
    """The first figure of each kind with its source; what others print for the same."""
    found: dict[str, Any] = {}
    first, others = [], []
    for column, metrics in _METRICS.items():
        own = [row for metric in metrics for row in figures[figures.metric == metric].itertuples()]
        values = [_value(row, documents) for row in own]
        found[column] = NONE if not own or values[0] is None else values[0]
        first += own[:1]
        others += [row for row, value in zip(own[1:], values[1:], strict=True) if value != values[0]]
    said = (f"{row.metric} {row.value:g} ({row.source}; {row.verified})" for row in others)
    return {
        **found,
        "source": "; ".join(dict.fromkeys(row.source for row in first)) or NONE,
        "verified": "; ".join(dict.fromkeys(row.verified for row in first)) or NONE,
        "other_sources": "; ".join(said) or NONE,
    }


def _value(row: Any, documents: float | None) -> float | None:
    if row.metric != "inference_seconds":
        return float(row.value) * (60.0 if row.metric == "epoch_minutes" else 1.0)
    return round(1000.0 * row.value / documents, 4) if documents else None


def _spelled(selection: Selection, column: str, row: Mapping[str, Any]) -> str:
    value = row[column]
    if column == "dataset" or (column == "method" and row["protocol"] != NOT_RUN):  # else it is the published name
        return title_of(selection.datasets if column == "dataset" else selection.methods, value)
    if column in _NAMES or column not in {*_OWN, *_METRICS} or value in (MISSING, NONE, NOT_RUN):
        return str(value)
    if column == "wall_seconds":
        return duration(float(value))
    return spelled(float(value) / 2**20 if column == "model_bytes" else value)


def duration(seconds: float) -> str:
    """`0.4 s`, `42 s`, `12 min 5 s` or `3 h 7 min`."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s" if whole else f"{seconds:.1g} s"


def _rounded(value: float | None, digits: int = 3) -> float | str:
    return MISSING if value is None else round(value, digits)


def _hardware(provenance: Mapping[str, Any]) -> str:
    hardware = provenance.get("hardware")
    if not isinstance(hardware, dict):
        return MISSING
    parts = [hardware.get("gpu"), hardware.get("cpu"), f"{hardware['cores']} cores" if hardware.get("cores") else None]
    return ", ".join(str(part) for part in parts if part) or MISSING
