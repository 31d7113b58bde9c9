"""Recall by label frequency, and the labels that are found at least once."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from lightxml_core.reporting.numbers import MISSING
from lightxml_core.reporting.runs import Group
from lightxml_core.reporting.tables.by_dataset import by_dataset
from lightxml_core.reporting.tables.results import Built, Results

_PARTS = ("head", "torso", "tail")
_DEPTHS = (1, 3, 5)
_COLUMNS = [
    *(f"R@5 {part}" for part in _PARTS),
    *(f"found at {k}" for k in _DEPTHS),
    *(f"decile {i}" for i in range(1, 11)),
]
_NOTES = (
    "In percent, mean over the seeds. Labels are ordered by their number of training documents: head is the first "
    "tenth, torso the next four tenths, tail the other half. Decile 1 to 10: R@5 of each tenth.",
    "Found at k: share of the labels in the test set that are predicted correctly for at least one document among its "
    "first k labels.",
    "No published figures for these rows.",
)
_EMPTY = "No run has recall by label frequency: evaluate the runs again."


def build(results: Results) -> Built:
    """A table per dataset: recall at 5 of head, torso and tail and of each decile, and the labels that are found."""
    return by_dataset(results, "Head to tail", _COLUMNS, lambda result: result.tail, _cells, _NOTES, _EMPTY)


def _cells(group: Group) -> list[str]:
    tails = [result.tail for result in group.results if result.tail]
    recalls = [_mean(tail.get(part, {}).get("R@5") for tail in tails) for part in _PARTS]
    found = [_mean(group.values(f"coverage@{k}")) for k in _DEPTHS]
    of_deciles = [tail.get("deciles", {}).get("R@5") or [None] * 10 for tail in tails]
    deciles = [_mean(tenths) for tenths in zip(*of_deciles, strict=True)]
    return [*recalls, *found, *deciles]


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{fmean(known):.1f}" if known else MISSING
