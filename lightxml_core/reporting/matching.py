"""Which published figures belong to which run, and both side by side. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from lightxml_core.evaluation.catalogue import find_metric, order
from lightxml_core.reporting.published import PublishedFigure
from lightxml_core.reporting.runs import Group, groups_of, of_dataset
from lightxml_core.selection import ENSEMBLE, MethodInfo, Selection

AS_PUBLISHED, SINGLE = "as-published", "single"


@dataclass(frozen=True)
class Model:
    """What a row of a table is about: a method's variant on one dataset.

    ran: whether it was run here. Then method is the registry's name, otherwise the published one. protocol: None where
    it was not run or the selection names none.
    """

    dataset: str
    method: str
    variant: str
    protocol: str | None
    ran: bool


@dataclass(frozen=True)
class Reproduced:
    """A metric in percent over the seeds that have it; std: the sample standard deviation, None for one seed."""

    mean: float
    std: float | None
    seeds: int


@dataclass(frozen=True)
class Compared:
    """A reproduced figure beside a published one of the same model and metric; one of the two may be missing."""

    model: Model
    metric: str
    reproduced: Reproduced | None
    published: PublishedFigure | None


def compare(selection: Selection, figures: Sequence[PublishedFigure]) -> list[Compared]:
    """Every reproduced figure beside every published one of it, then the figures that are only published.

    A dataset has its registry name. `figures_of` says which figures belong to which run. Raises InputError where a
    run's metrics cannot be read.
    """
    groups = groups_of(selection)
    found: list[Compared] = []
    for dataset, entry in selection.datasets.items():
        known = [figure for figure in of_published(entry.published_as, figures) if find_metric(figure.metric)]
        used: set[PublishedFigure] = set()
        for group in of_dataset(groups, dataset):
            own = figures_of(selection, group, groups, known)
            used.update(own)
            found += _of_group(group, own)
        found += [_only_published(dataset, figure) for figure in known if figure not in used]
    return found


def of_published(dataset: str | None, figures: Iterable[PublishedFigure]) -> list[PublishedFigure]:
    """The figures of a dataset by its published name; none for a dataset without one."""
    return [figure for figure in figures if figure.dataset == dataset]


def of_metric(metric: str, figures: Iterable[PublishedFigure]) -> Sequence[PublishedFigure | None]:
    """The figures of a metric; None alone where nothing is published, so that a table has a row for it."""
    return [figure for figure in figures if figure.metric == metric] or [None]


def figures_of(
    selection: Selection, group: Group, groups: Iterable[Group], figures: Iterable[PublishedFigure]
) -> list[PublishedFigure]:
    """The published figures of this model: same method, same kind of variant, from every source.

    An ensemble has those of the published ensemble. A member has those published for its own name, for its encoder (by
    the method's `published_backbones`) or for any `single` model. A method that is one model, here and as published
    (`as-published`), has those. figures: all of this dataset.
    """
    siblings = {g.variant for g in groups if (g.dataset, g.method) == (group.dataset, group.method)}
    method = selection.methods[group.method]
    kinds = {ENSEMBLE} if group.is_ensemble else {*_kinds(method, group.variant, group.backbones), SINGLE}
    if group.is_ensemble or siblings == {group.variant}:
        kinds.add(AS_PUBLISHED)
    return [figure for figure in figures if figure.method == method.published_as and figure.variant in kinds]


def published_encoders(method: MethodInfo, variant: str) -> set[str]:
    """Backbones, by their names here, that the published figures of a variant come from; empty where unknown."""
    known = method.published_backbones
    return {known[variant]} if variant in known else set(known.values())


def _kinds(method: MethodInfo, variant: str, backbones: set[str]) -> set[str]:
    known = method.published_backbones
    own = set() if variant in known else {name for name, backbone in known.items() if backbone in backbones}
    return {variant, *own}


def _of_group(group: Group, figures: Sequence[PublishedFigure]) -> Iterator[Compared]:
    model = Model(group.dataset, group.method, group.variant, group.protocol, ran=True)
    for metric in sorted({metric for result in group.results for metric in result.metrics}, key=order):
        values, std = group.values(metric), group.std(metric)
        reproduced = Reproduced(round(fmean(values), 6), None if std is None else round(std, 6), len(values))
        for figure in of_metric(metric, figures):
            yield Compared(model, metric, reproduced, figure)


def _only_published(dataset: str, figure: PublishedFigure) -> Compared:
    model = Model(dataset, figure.method, figure.variant, None, ran=False)
    return Compared(model, figure.metric, None, figure)
