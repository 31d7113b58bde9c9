"""Which models are told apart by their figures. Imports nothing heavy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

import numpy as np

from lightxml_core.evaluation.catalogue import best_of
from lightxml_core.reporting.runs import Group, Result
from lightxml_core.reporting.splits import has_splits
from lightxml_core.selection import Selection

ERRORS = 1.96  # standard errors: 95% of a normal distribution
BOLD = (
    f"Bold: the best figure that was run here, and those less than {ERRORS} standard errors of the paired difference "
    "below it. That is over the test documents and, with several seeds, over the seeds; with splits, over the "
    "differences per split. Each is one comparison: none is corrected for their number."
)


def key_of(group: Group) -> tuple[str, str, str, str | None]:
    """What names a group."""
    return group.dataset, group.method, group.variant, group.protocol


def not_told_apart(selection: Selection, groups: Sequence[Group], metric: str) -> list[int]:
    """The places of the best group of one dataset, and of those that are not told apart from it.

    Where the values per document were not kept, only equal means count as equal.
    """
    means = {place: mean for place, group in enumerate(groups) if (mean := group.mean(metric)) is not None}
    best = best_of(metric, means.values())
    if best is None:
        return []
    first = groups[next(place for place, mean in means.items() if mean == best)]
    return [place for place in means if are_equal(selection, groups[place], first, metric)]


def are_equal(selection: Selection, one: Group, other: Group, metric: str) -> bool:
    """Whether the difference of two groups of one dataset is at most `ERRORS` of its standard errors."""
    mean, against = one.mean(metric), other.mean(metric)
    if mean is None or against is None:
        return False
    split = has_splits(selection, one.dataset)
    pairs = [a.metrics[metric] - b.metrics[metric] for a, b in _pairs(one, other)] if split else []
    apart = abs(fmean(pairs) if pairs else mean - against)  # some splits may have been run for one of them only
    return apart <= ERRORS * _error(one, other, metric, split)


def _error(one: Group, other: Group, metric: str, split: bool) -> float:
    """The standard error of a difference in points; 0 where the values per document were not kept."""
    pairs = _pairs(one, other)
    if split and len(pairs) > 1:
        return stdev(a.metrics[metric] - b.metrics[metric] for a, b in pairs) / math.sqrt(len(pairs))
    values = [differences(a, b, metric) for a, b in pairs]
    if not values or any(found is None or len(found) < 2 for found in values):
        return 0.0
    mean = np.mean([found for found in values if found is not None], axis=0)
    of_documents = float(mean.std(ddof=1)) / math.sqrt(len(mean))
    seeds = 0.0 if split else sum(_of_seeds(group, metric) for group in (one, other))
    return math.hypot(of_documents, math.sqrt(seeds))


def _pairs(one: Group, other: Group) -> list[tuple[Result, Result]]:
    """The runs of the seeds that both have."""
    others = {result.run.seed: result for result in other.results}
    return [(result, others[result.run.seed]) for result in one.results if result.run.seed in others]


def differences(one: Result, other: Result, metric: str) -> np.ndarray | None:
    """float32[N]: one minus the other, per test document, in points; None where they were not kept, or do not match."""
    a, b = one.documents.get(metric), other.documents.get(metric)
    return None if a is None or b is None or len(a) != len(b) else a - b


def _of_seeds(group: Group, metric: str) -> float:
    """The squared standard error of a mean over seeds; 0 for one seed."""
    values = group.values(metric)
    return stdev(values) ** 2 / len(values) if len(values) > 1 else 0.0
