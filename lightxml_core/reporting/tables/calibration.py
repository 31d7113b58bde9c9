"""The table `calibration`: how far scores are from the share of predicted labels that are true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from lightxml_core.reporting.markup import NOTHING, Table
from lightxml_core.reporting.numbers import MISSING
from lightxml_core.reporting.runs import Group
from lightxml_core.reporting.splits import splits_notes
from lightxml_core.reporting.tables.pivot import NAMES
from lightxml_core.reporting.tables.results import Built, Results, as_read
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Selection

_LEAST = (0.0, 0.5)
_WORDS = ("mean score", "true", "error")
_HEADERS = [*NAMES, *_WORDS, *(f"{words}, from 0.5" for words in _WORDS)]
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
    selection, tables = results.selection, []
    groups = [group for group in results.groups if any(result.calibration for result in group.results)]
    for name in selection.datasets:
        body = [_row(selection, group) for group in groups if group.dataset == name]
        if body:
            title = f"Calibration: {title_of(selection.datasets, name)}"
            tables.append(Table(title, _HEADERS, body, "lll" + "r" * 6, [*_NOTES, *splits_notes(selection, [name])]))
    return as_read(tables or [Table("Calibration", [], [], "", [_EMPTY])])


def _row(selection: Selection, group: Group) -> list[str]:
    runs = [result.calibration for result in group.results if result.calibration]
    cells = []
    for least in _LEAST:
        found = [one for bins in runs if (one := _summary([bin for bin in bins if bin["score"] >= least]))]
        cells += [f"{fmean(values):.2f}" for values in zip(*found, strict=True)] or [NOTHING] * len(_WORDS)
    return [title_of(selection.methods, group.method), group.variant, group.protocol or MISSING, *cells]


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
