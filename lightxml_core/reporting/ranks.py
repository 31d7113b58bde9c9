"""How methods stand over several datasets: mean ranks and win rates. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from lightxml_core.evaluation.catalogue import METRICS
from lightxml_core.reporting.matching import Model, compare
from lightxml_core.reporting.runs import Group, groups_of
from lightxml_core.reporting.tables.pivot import by_model, compared_models, identity, is_whole
from lightxml_core.reporting.ties import are_equal, key_of
from lightxml_core.reporting.titles import made_distinct, titles_of
from lightxml_core.selection import Selection

RANKED = ("P@1", "P@5", "PSP@5")


@dataclass(frozen=True)
class Standing:
    """A method over the datasets on which all were run.

    name: its title, with the variant where it has several. rank: mean over datasets, 1 for the best; equal figures
    share their mean rank. wins, ties, losses: over pairs of a dataset and another method. A tie is a pair that is not
    told apart (`reporting.ties`).
    """

    name: str
    rank: float
    wins: int
    ties: int
    losses: int

    @property
    def win_rate(self) -> float:
        """Percent of the pairs that are won, ties counted half."""
        return 100.0 * (self.wins + self.ties / 2) / (self.wins + self.ties + self.losses)


@dataclass(frozen=True)
class Standings:
    """Standings by metric, in the order of the methods; none for fewer than two datasets or methods."""

    datasets: Sequence[str]
    by_metric: dict[str, list[Standing]]


def standings(selection: Selection) -> Standings:
    """The ensembles, or only models, that were run on the most datasets together.

    Raises InputError where a run's metrics cannot be read.
    """
    named = _named(selection)
    datasets = [name for name in selection.datasets if all(name in of for of in named.values())]
    if len(datasets) < 2 or len(named) < 2:
        return Standings([], {})
    return Standings(datasets, {metric: _of_metric(selection, named, datasets, metric) for metric in RANKED})


def _named(selection: Selection) -> dict[str, dict[str, Group]]:
    """The groups by name and dataset, of those on at least two datasets."""
    groups = {Model(*key_of(group), ran=True): group for group in groups_of(selection)}
    used = [
        model for model in compared_models(selection, by_model(compare(selection, ())), is_whole) if model in groups
    ]
    gathered: dict[tuple[object, ...], dict[str, Group]] = {}
    for model in used:
        gathered.setdefault(identity(model, used), {})[model.dataset] = groups[model]
    kept = {key: of for key, of in gathered.items() if len(of) > 1}
    return dict(zip(_names(selection, [*kept.values()]), kept.values(), strict=True))


def _names(selection: Selection, found: Sequence[dict[str, Group]]) -> list[str]:
    titles, first = titles_of(selection.methods), [next(iter(of.values())) for of in found]
    shared = {group.method for group in first if sum(other.method == group.method for other in first) > 1}
    shown = {
        str(place): titles[group.method] + (f", {group.variant}" if group.method in shared else "")
        for place, group in enumerate(first)
    }
    return list(made_distinct(shown).values())


def _of_metric(
    selection: Selection, named: dict[str, dict[str, Group]], datasets: Sequence[str], metric: str
) -> list[Standing]:
    sign = 1.0 if METRICS[metric.partition("@")[0]].better == "higher" else -1.0

    def value(name: str, dataset: str) -> float:
        return sign * (named[name][dataset].mean(metric) or 0.0)

    return [_standing(selection, named, datasets, metric, name, value) for name in named]


def _standing(
    selection: Selection,
    named: dict[str, dict[str, Group]],
    datasets: Sequence[str],
    metric: str,
    name: str,
    value: Callable[[str, str], float],
) -> Standing:
    ranks, outcomes = [], []
    for dataset in datasets:
        own, others = value(name, dataset), [value(other, dataset) for other in named]
        ranks.append(sum(other > own for other in others) + (1 + others.count(own)) / 2)
        for other in named.keys() - {name}:
            tied = are_equal(selection, named[name][dataset], named[other][dataset], metric)
            outcomes.append(0 if tied else 1 if own > value(other, dataset) else -1)
    return Standing(name, fmean(ranks), outcomes.count(1), outcomes.count(0), outcomes.count(-1))
