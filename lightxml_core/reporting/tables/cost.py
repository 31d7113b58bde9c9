"""What training and prediction cost, measured here and published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightxml_core.reporting.costs import (
    documents_per_second,
    machine,
    members_of,
    milliseconds_for_one_text,
    milliseconds_per_document,
    model_bytes,
    peak_memory_gib,
    training_seconds,
)
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.matching import Model, figures_of, of_published
from lightxml_core.reporting.numbers import MISSING, NONE, NOT_RUN, duration, or_word, spelled
from lightxml_core.reporting.published import PublishedFigure
from lightxml_core.reporting.runs import Group, of_dataset
from lightxml_core.reporting.tables.cells import protocol_of
from lightxml_core.reporting.tables.results import Built, Results
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import DatasetInfo, Selection

_METRICS = {  # columns, and the metrics of published/ that fill them, the one to prefer first
    "published_train_hours": ("train_hours",),
    "published_epoch_seconds": ("epoch_seconds", "epoch_minutes"),
    "published_gpu_gib": ("gpu_memory_gib",),
    "published_model_gib": ("model_size_gib", "model_size_gb"),
    "published_ms_per_document": ("predict_ms_per_document", "inference_seconds"),
    "published_parameters": ("params",),
}
_KINDS = {metric for metrics in _METRICS.values() for metric in metrics}
_NAMES = ["dataset", "method", "variant", "protocol"]
_TIMES = ["ms_per_document", "documents_per_second", "ms_for_one_text"]
_OWN = ["wall_seconds", "peak_memory_gib", "model_bytes", *_TIMES, "hardware"]
COLUMNS = [*_NAMES, "seeds", *_OWN, *_METRICS, "source", "verified", "other_sources"]


@dataclass(frozen=True)
class Measured:
    """Means over the seeds; None where it was not recorded. hardware: in words, each once."""

    wall_seconds: float | None
    peak_memory_gib: float | None
    model_bytes: float | None
    ms_per_document: float | None
    documents_per_second: float | None
    ms_for_one_text: float | None
    hardware: Sequence[str | None]


@dataclass(frozen=True)
class Cost:
    """What a model costs. measured: None where it was not run. published: figures by the columns of `_METRICS`.

    shown: the figures that the columns show. others: figures of other sources that differ from them.
    """

    model: Model
    seeds: int
    measured: Measured | None
    published: Mapping[str, float]
    shown: Sequence[PublishedFigure]
    others: Sequence[PublishedFigure]


def build(results: Results) -> Built:
    """The .csv has one row per (dataset, method, variant, protocol), run or only published.

    Training wall time in s, peak memory in GiB, model in bytes, prediction in ms per document, documents per second and
    ms for one text. Published: the first figure of each kind; figures of other sources are in `other_sources`. What
    papers give as GB counts as GiB (see published/README.md); seconds for a test set are divided by its published
    number of documents.
    """
    costs = [one for name, entry in results.selection.datasets.items() for one in _of_dataset(results, name, entry)]
    return Built([_table(results.selection, costs)], COLUMNS, [_cells(one) for one in costs])


def _of_dataset(results: Results, dataset: str, entry: DatasetInfo) -> Iterator[Cost]:
    published = of_published(entry.published_as, results.figures)
    figures = [figure for figure in published if figure.metric in _KINDS]
    documents = next((figure.value for figure in published if figure.metric == "N_test"), None)
    used: set[PublishedFigure] = set()
    for group in of_dataset(results.groups, dataset):
        found = figures_of(results.selection, group, results.groups, figures)
        used.update(found)
        model = Model(dataset, group.method, group.variant, group.protocol, ran=True)
        yield _cost(model, len(group.results), _measured(group, results.groups), found, documents)
    left: dict[Model, list[PublishedFigure]] = {}
    for figure in figures:
        if figure not in used:
            left.setdefault(Model(dataset, figure.method, figure.variant, None, ran=False), []).append(figure)
    for model, own in left.items():
        yield _cost(model, 0, None, own, documents)


def _measured(group: Group, groups: list[Group]) -> Measured:
    parts = members_of(group, groups) or [group]
    trainings = [about for part in parts for result in part.results for about in result.trainings]
    hardware = dict.fromkeys(map(_hardware, trainings))
    return Measured(
        _rounded(training_seconds(group, groups)),
        _rounded(peak_memory_gib(group, groups)),
        _rounded(model_bytes(group, groups)),
        _rounded(milliseconds_per_document(group, groups), 4),
        _rounded(documents_per_second(group, groups), 1),
        _rounded(milliseconds_for_one_text(group, groups), 4),
        list(hardware),
    )


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _hardware(provenance: Mapping[str, Any]) -> str | None:
    hardware = provenance.get("hardware")
    if not isinstance(hardware, dict):
        return None
    return ", ".join(machine(hardware)) or None


def _cost(
    model: Model, seeds: int, measured: Measured | None, figures: Sequence[PublishedFigure], documents: float | None
) -> Cost:
    """The first figure of each kind with its source; what other sources have for the same."""
    found: dict[str, float] = {}
    shown, others = [], []
    for column, metrics in _METRICS.items():
        own = [figure for metric in metrics for figure in figures if figure.metric == metric]
        values = [_value(figure, documents) for figure in own]
        if values and values[0] is not None:
            found[column] = values[0]
        shown += own[:1]
        others += [figure for figure, value in zip(own[1:], values[1:], strict=True) if value != values[0]]
    return Cost(model, seeds, measured, found, shown, others)


def _value(figure: PublishedFigure, documents: float | None) -> float | None:
    if figure.metric != "inference_seconds":
        return figure.value * (60.0 if figure.metric == "epoch_minutes" else 1.0)
    return round(1000.0 * figure.value / documents, 4) if documents else None


def _cells(cost: Cost) -> list[Any]:
    model = cost.model
    measured = [NOT_RUN] * len(_OWN)
    if own := cost.measured:
        numbers = (own.wall_seconds, own.peak_memory_gib, own.model_bytes, *_times(own))
        measured = [*(or_word(value, MISSING) for value in numbers), _machines(own)]
    published = [or_word(cost.published.get(column), NONE) for column in _METRICS]
    names = [model.dataset, model.method, model.variant, protocol_of(model)]
    return [*names, cost.seeds, *measured, *published, *_sources(cost)]


def _times(measured: Measured) -> tuple[float | None, ...]:
    """The cells of `_TIMES`."""
    return measured.ms_per_document, measured.documents_per_second, measured.ms_for_one_text


def _machines(measured: Measured) -> str:
    return "; ".join(or_word(hardware, MISSING) for hardware in measured.hardware) or MISSING


def _sources(cost: Cost) -> list[str]:
    """The cells `source`, `verified` and `other_sources`."""
    said = (f"{figure.metric} {figure.value:g} ({figure.source}; {figure.verified})" for figure in cost.others)
    sources = "; ".join(dict.fromkeys(figure.source for figure in cost.shown))
    verified = "; ".join(dict.fromkeys(figure.verified for figure in cost.shown))
    return [sources or NONE, verified or NONE, "; ".join(said) or NONE]


# --- for people -----------------------------------------------------------------------------------------------------

_HEADERS = {
    **{"wall_seconds": "training time", "peak_memory_gib": "peak GiB", "model_bytes": "model MiB"},
    **{"ms_per_document": "prediction ms per document", "documents_per_second": "documents per second"},
    **{"ms_for_one_text": "ms for one text", "published_train_hours": "published hours"},
    **{"published_epoch_seconds": "published seconds per epoch", "published_gpu_gib": "published GPU GiB"},
    **{"published_model_gib": "published GiB", "published_ms_per_document": "published ms per document"},
    **{"published_parameters": "published parameters", "other_sources": "other published figures"},
}
_WORDS = {*_NAMES, "hardware", "source", "verified", "other_sources"}
_NOTES = (
    "Means over the seeds. For an ensemble, times and sizes are sums over its members, memory is their maximum. The "
    "same holds for a blend; its training time includes the second training of members, without validation documents.",
    "Documents per second: all test documents together, from prepared features or tokens, loading the model included. "
    "For one text: the median of up to 20 test texts, one at a time with the model in memory, from the text to its "
    "labels. A model that cannot read texts has none.",
    "Published costs are from the authors' machines. GB is shown as GiB. The prediction time of a whole test set is "
    "divided by its number of documents.",
)


def _table(selection: Selection, costs: Sequence[Cost]) -> Table:
    """Columns that hold nothing are left out."""
    title = "Cost of training and prediction"
    if not costs:
        return Table(title, [], [], "", ["No runs and no published figures."])
    rows = [_row(selection, cost) for cost in costs]
    absent = {NONE, MISSING, NOT_RUN}
    kept = [i for i, name in enumerate(COLUMNS) if name in _NAMES or {row[i] for row in rows} - absent]
    headers = [_HEADERS.get(COLUMNS[i], COLUMNS[i]) for i in kept]
    align = "".join("l" if COLUMNS[i] in _WORDS else "r" for i in kept)
    return Table(title, headers, [[row[i] for i in kept] for row in rows], align, _NOTES)


def _row(selection: Selection, cost: Cost) -> list[str]:
    model, own = cost.model, cost.measured
    measured = [NOT_RUN] * len(_OWN)
    if own:
        mebibytes = None if own.model_bytes is None else own.model_bytes / 2**20
        numbers = [or_word(value, MISSING, spelled) for value in (own.peak_memory_gib, mebibytes, *_times(own))]
        measured = [or_word(own.wall_seconds, MISSING, duration), *numbers, _machines(own)]
    published = [or_word(cost.published.get(column), NONE, spelled) for column in _METRICS]
    method = title_of(selection.methods, model.method) if model.ran else model.method
    names = [title_of(selection.datasets, model.dataset), method, model.variant, protocol_of(model)]
    return [*names, str(cost.seeds), *measured, *published, *_sources(cost)]
