"""The table `calibration`: how far scores are from the share of predicted labels that are true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from lightxml_core.reporting.markup import NOTHING
from lightxml_core.reporting.runs import Group
from lightxml_core.reporting.tables.by_dataset import by_dataset
from lightxml_core.reporting.tables.results import Built, Results

_LEAST = (0.0, 0.5)
_WORDS = ("mean score", "true", "error")
_COLUMNS = [*_WORDS, *(f"{words}, from 0.5" for words in _WORDS)]
_NOTES = (
    "In percent, means over the seeds: the mean score of the predicted labels (the best 100 of each document), the "
    "share of them that is true, and the expected calibration error. This error is the mean absolute difference of the "
    "first two over ten ranges of scores, weighted by their numbers of labels. From 0.5: only labels of at least this "
    "score.",
    "Scores can be read as probabilities if the error is small. The scores of a blend are calibrated on the validation "
    "documents; those of other methods are not. Methods with scores above 1 or below 0 are left out.",
)
_EMPTY = "No run has scores between 0 and 1."
Bins = Sequence[Mapping[str, float]]


def build(results: Results) -> Built:
    """A table per dataset: mean score, share of true labels and calibration error."""
    return by_dataset(results, "Calibration", _COLUMNS, lambda result: result.calibration, _cells, _NOTES, _EMPTY)


def _cells(group: Group) -> list[str]:
    runs = [result.calibration for result in group.results if result.calibration]
    cells = []
    for least in _LEAST:
        found = [one for bins in runs if (one := _summary([bin for bin in bins if bin["score"] >= least]))]
        cells += [f"{fmean(values):.2f}" for values in zip(*found, strict=True)] or [NOTHING] * len(_WORDS)
    return cells


def _summary(bins: Bins) -> tuple[float, float, float] | None:
    """Mean score, share of true labels and calibration error, in percent; None without labels.

    bins: the rows of `calibration` in metrics.json, by range of scores.
    """
    pairs = sum(one["pairs"] for one in bins)
    if not pairs:
        return None
    score, true = (sum(one["pairs"] * one[key] for one in bins) / pairs for key in ("score", "true"))
    error = sum(one["pairs"] * abs(one["score"] - one["true"]) for one in bins) / pairs
    return 100.0 * score, 100.0 * true, 100.0 * error
