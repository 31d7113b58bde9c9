"""Whether each published figure of each source was reproduced, by a stated rule."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lightxml_core.evaluation.catalogue import tolerance_of, written
from lightxml_core.reporting.features import built_here
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.matching import Compared, Model, Reproduced, published_encoders
from lightxml_core.reporting.numbers import MISSING, NONE, NOT_RUN, or_word
from lightxml_core.reporting.published import PublishedFigure
from lightxml_core.reporting.splits import has_splits, splits_notes
from lightxml_core.reporting.tables.comparison import PUBLISHED, published_cells, reproduced_cells
from lightxml_core.reporting.tables.datasets import other_data
from lightxml_core.reporting.tables.results import Built, Results
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Run, Selection

COLUMNS = [*PUBLISHED, "reproduced_mean", "reproduced_std", "seeds", "difference", "tolerance", "verdict", "reason"]


class Verdict(StrEnum):
    """What became of a published figure."""

    REPRODUCED = "reproduced"
    BELOW = "below"
    ABOVE = "above"
    NOT_COMPARABLE = "not comparable"
    NOT_RUN = NOT_RUN


@dataclass(frozen=True)
class Pair:
    """A reproduced and a published figure: their difference and its tolerance, in points.

    tolerance: includes the standard error of the mean over splits.
    """

    reproduced: Reproduced
    published: PublishedFigure
    difference: float
    tolerance: float
    standard_error: float


@dataclass(frozen=True)
class Judged:
    """A published figure and its verdict. pair: None where it was not run. reason: why it is not comparable."""

    row: Compared
    verdict: Verdict
    pair: Pair | None = None
    reason: str | None = None


def build(results: Results) -> Built:
    """One row of the .csv for every published figure, so one per source.

    *not comparable*: the method's file says how it differs on this dataset; its protocol or its encoder is not the one
    that the published figures come from; its TF-IDF, or that of its label clusters, was built here; or the data are
    others (a cut, other counts of documents or labels than published). The reason is given. Otherwise *reproduced*
    within the tolerance, *above* or *below* outside it. *not run*: the model was not run. On a dataset with splits
    the standard error of the mean over splits is added to the tolerance.
    """
    judged = judge(results)
    return Built([_table(results.selection, judged)], COLUMNS, [_cells(one) for one in judged])


def judge(results: Results) -> list[Judged]:
    """The verdict on every published figure, in the order of the comparison."""
    data = {name: other_data(entry, results.figures) for name, entry in results.selection.datasets.items()}
    return [
        Judged(row, Verdict.NOT_RUN)
        if row.reproduced is None
        else _judged(results, row, row.published, row.reproduced, data[row.model.dataset])
        for row in results.compared
        if row.published
    ]


def _judged(
    results: Results, row: Compared, published: PublishedFigure, reproduced: Reproduced, data: str | None
) -> Judged:
    error = _standard_error(results.selection, row.model, reproduced)
    difference = round(reproduced.mean - published.value, 6)
    tolerance = round(tolerance_of(row.metric, results.tolerance) + error, 6)
    pair = Pair(reproduced, published, difference, tolerance, error)
    reason = "; ".join([*_differences_of_kind(results.selection, row.model), *([data] if data else [])]) or None
    return Judged(row, Verdict.NOT_COMPARABLE if reason else _by_size(pair), pair, reason)


def _standard_error(selection: Selection, model: Model, reproduced: Reproduced) -> float:
    """The standard error of the mean over splits, in points; 0 for a dataset without splits, or for one run."""
    if not has_splits(selection, model.dataset) or reproduced.std is None:
        return 0.0
    return reproduced.std / math.sqrt(reproduced.seeds)


def _by_size(pair: Pair) -> Verdict:
    if abs(pair.difference) <= pair.tolerance:
        return Verdict.REPRODUCED
    return Verdict.ABOVE if pair.difference > 0 else Verdict.BELOW


def _differences_of_kind(selection: Selection, model: Model) -> list[str]:
    """Why the two figures are not of the same model."""
    method = selection.methods[model.method]
    reasons = [difference.what for difference in method.differs if difference.concerns(model.dataset)]
    protocol = method.published_protocol
    if protocol not in (None, model.protocol):
        own = or_word(model.protocol, MISSING)
        reasons.append(f"run by the {own} protocol, published by the {protocol} one")
    published = published_encoders(method, model.variant)
    if others := sorted(_encoders(selection, model) - published) if published else []:
        reasons.append(f"encoder {', '.join(others)}, published with {', '.join(sorted(published))}")
    if any(built_here(selection, model.dataset, run.features) for run in _runs(selection, model)):
        reasons.append("TF-IDF built here, published with the shipped one")
    return reasons


def _runs(selection: Selection, model: Model) -> list[Run]:
    """The runs of a model, whatever their protocol."""
    names = (model.dataset, model.method, model.variant)
    return [run for run in selection.runs if (run.dataset, run.method, run.variant) == names]


def _encoders(selection: Selection, model: Model) -> set[str]:
    """The backbones of what was run, an ensemble's members'."""
    runs = [run for run in selection.runs if (run.dataset, run.method) == (model.dataset, model.method)]
    of_ensemble = any(run.member is None and run.variant == model.variant for run in runs)
    return {run.backbone for run in runs if run.backbone and (of_ensemble or run.variant == model.variant)}


def _cells(judged: Judged) -> list[Any]:
    known, pair = [*published_cells(judged.row), *reproduced_cells(judged.row)], judged.pair
    if pair is None:
        return [*known, NOT_RUN, NOT_RUN, judged.verdict, NOT_RUN]
    return [*known, pair.difference, pair.tolerance, judged.verdict, or_word(judged.reason, NONE)]


# --- for people -----------------------------------------------------------------------------------------------------

_HEADERS = ["dataset", "method", "variant", "metric", "reproduced", "std", "seeds", "published", "source", "checked"]
_RULE = (
    "Not comparable: the encoder, protocol, TF-IDF or data differ from the published ones, or the method's file states "
    "a difference.",
    "Checked: seen in the source; derived: calculated from figures that were seen; recalled: from memory, not checked.",
)


def _table(selection: Selection, judged: Sequence[Judged]) -> Table:
    """The verdicts on what was run; what was not run is counted."""
    counts = Counter(one.verdict for one in judged)
    counted = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in Verdict)
    if not judged:
        return Table("Verdicts", [], [], "", ["No published figures for the runs of this target."])
    ran = [(one, one.pair) for one in judged if one.pair]
    if not ran:
        return Table("Verdicts", [], [], "", [f"None of the published figures was run: {counted}."])
    tolerated = {written(one.row.metric): pair.tolerance - pair.standard_error for one, pair in ran}
    rule = ", ".join(f"{metric} {value:.4g}" for metric, value in tolerated.items())
    notes = [
        f"Published figures, counted for each source: {counted}.",
        f"Reproduced: within a tolerance in points of {rule}.",
    ]
    notes += [*_splits_rule(selection, [one.row for one, _ in ran]), *_RULE]
    rows = [_row(selection, one, pair) for one, pair in ran]
    return Table("Verdicts", [*_HEADERS, "difference", "verdict", "why"], rows, "llllrrrrllrll", notes)


def _row(selection: Selection, judged: Judged, pair: Pair) -> list[str]:
    model, own, figure = judged.row.model, pair.reproduced, pair.published
    return [
        *(title_of(selection.datasets, model.dataset), title_of(selection.methods, model.method), model.variant),
        *(judged.row.metric, f"{own.mean:.2f}", or_word(own.std, MISSING, lambda std: f"{std:.2f}"), str(own.seeds)),
        *(f"{figure.value:.2f}", figure.source, figure.verified),
        *(f"{pair.difference:+.2f}", judged.verdict.value, or_word(judged.reason, NONE)),
    ]


def _splits_rule(selection: Selection, ran: Sequence[Compared]) -> list[str]:
    notes = splits_notes(selection, [row.model.dataset for row in ran])
    return [*notes, "For these, the standard error of the mean over splits is added to the tolerance."] if notes else []
