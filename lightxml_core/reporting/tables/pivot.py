"""Tables in the shape that papers have: a row per model, with the published figures beside ours."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from lightxml_core.evaluation.catalogue import METRICS
from lightxml_core.reporting.markup import NOTHING, Table
from lightxml_core.reporting.matching import AS_PUBLISHED, Compared, Model
from lightxml_core.reporting.numbers import NOT_RUN
from lightxml_core.reporting.runs import Group
from lightxml_core.reporting.splits import splits_notes
from lightxml_core.reporting.tables.cells import Cell, notes_on, protocol_of
from lightxml_core.reporting.tables.results import Results
from lightxml_core.reporting.ties import BOLD, key_of, not_told_apart
from lightxml_core.reporting.titles import titles_of
from lightxml_core.selection import ENSEMBLE, Selection

PRECISION, PROPENSITY = METRICS["P"].names, METRICS["PSP"].names
NAMES = ("method", "variant", "protocol")
Rows = Mapping[tuple[Model, str], Sequence[Compared]]  # by model and metric, one per published source
_READ = f"Reproduced (mean over the seeds) and [published], in percent. {NOTHING}: no such figure."
_EMPTY = "Nothing to compare: no published figures, and only variants of methods (see ablations and protocols)."


def by_model(compared: Iterable[Compared]) -> Rows:
    """The rows of the comparison by model and metric."""
    found: dict[tuple[Model, str], list[Compared]] = {}
    for row in compared:
        found.setdefault((row.model, row.metric), []).append(row)
    return found


def pivots(
    results: Results, title: str, chosen: Callable[[Model, Collection[Model]], bool], metrics: Sequence[str]
) -> list[Table]:
    """The chosen models at these metrics. One dataset: a column per metric. Several: a table per metric."""
    rows, selection = by_model(results.compared), results.selection
    titles = titles_of(selection.datasets, taken=("table", *NAMES))
    used = [
        model
        for model in compared_models(selection, rows, chosen)
        if any((model, metric) in rows for metric in metrics)
    ]
    if not used:
        return [Table(title, [], [], "", [_EMPTY])]
    if len(titles) == 1:
        ((name, only),) = titles.items()
        return [_pivot(results, f"{title}: {only}", rows, used, [(metric, name, metric) for metric in metrics])]
    return [
        _pivot(results, f"{title}: {metric}", rows, used, [(head, name, metric) for name, head in titles.items()])
        for metric in metrics
    ]


def is_whole(model: Model, known: Collection[Model]) -> bool:
    """Whether it represents its whole method: the ensemble, or any model of a method without one."""
    if not model.ran:
        return model.variant in (ENSEMBLE, AS_PUBLISHED)
    ensemble = Model(model.dataset, model.method, ENSEMBLE, model.protocol, ran=True)
    return model.variant == ENSEMBLE or ensemble not in known


def is_single(model: Model, known: Collection[Model]) -> bool:
    """Whether it is no ensemble."""
    if not model.ran:
        return not model.variant.startswith(ENSEMBLE) and model.variant != AS_PUBLISHED
    return model.variant != ENSEMBLE


def compared_models(
    selection: Selection, rows: Rows, chosen: Callable[[Model, Collection[Model]], bool]
) -> list[Model]:
    """Models that a table compares: those that were run first, then those only published; no variants of a base."""
    known = dict.fromkeys(model for model, _ in rows)
    order = list(selection.methods)
    place = {model: order.index(model.method) if model.ran else len(order) for model in known}
    kept = [model for model in known if not model.ran or not selection.methods[model.method].base]
    return sorted((model for model in kept if chosen(model, known)), key=place.__getitem__)


def _pivot(
    results: Results, title: str, rows: Rows, used: list[Model], columns: Sequence[tuple[str, str, str]]
) -> Table:
    """A row per model over the datasets, a column per (heading, dataset, metric)."""
    selection, groups = results.selection, results.groups
    gathered: dict[tuple[object, ...], dict[str, Model]] = {}
    for model in used:
        gathered.setdefault(identity(model, used), {})[model.dataset] = model
    titles, shown = titles_of(selection.methods), []
    body: list[list[str]] = []
    strong: list[tuple[int, int]] = []
    best = [_best(selection, groups, used, dataset, metric) for _, dataset, metric in columns]
    ours = {entry.published_as for entry in selection.methods.values()}
    for places in gathered.values():
        first = next(iter(places.values()))
        name = titles[first.method] if first.ran else first.method
        absent = NOTHING if not first.ran and first.method in ours else NOT_RUN  # that figure is in the row of our run
        row = [_cell(rows, name, head, places.get(dataset), metric) for head, dataset, metric in columns]
        variants = "; ".join(dict.fromkeys(model.variant for model in places.values()))
        figures = [cell.text(first.ran) if cell else absent for cell in row]
        found = (at for at, (_, dataset, _) in enumerate(columns) if places.get(dataset) in best[at])
        strong += [(len(body), len(NAMES) + at) for at in found]
        body.append([name, variants, protocol_of(first), *figures])
        shown += [cell for cell in row if cell]
    notes = [
        _READ,
        *([BOLD] if strong else []),
        *notes_on(shown),
        *splits_notes(selection, [dataset for _, dataset, _ in columns]),
    ]
    return Table(title, [*NAMES, *(head for head, *_ in columns)], body, "lll" + "r" * len(columns), notes, strong)


def _best(
    selection: Selection, groups: Sequence[Group], used: Sequence[Model], dataset: str, metric: str
) -> set[Model]:
    """The models of a column that are not told apart from its best one."""
    shown = {Model(*key_of(group), ran=True): group for group in groups if group.dataset == dataset}
    models = [model for model in used if model in shown]
    kept = not_told_apart(selection, [shown[model] for model in models], metric)
    return {models[place] for place in kept}


def _cell(rows: Rows, name: str, heading: str, model: Model | None, metric: str) -> Cell | None:
    return None if model is None else Cell(f"{name}, {model.variant}", heading, rows.get((model, metric), []))


def identity(model: Model, used: list[Model]) -> tuple[object, ...]:
    """What identifies a model over the datasets: its method if that has one model on each, else its variant too."""
    datasets = [other.dataset for other in used if (other.method, other.ran) == (model.method, model.ran)]
    alone = len(set(datasets)) == len(datasets)
    return (model.method, model.ran) if alone else (model.method, model.ran, model.variant, model.protocol)
