"""Was it reproduced? One verdict per published figure and source, by a stated rule."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightxml_core.reporting.cells import MISSING, NONE, NOT_RUN
from lightxml_core.reporting.corpora import has_splits, other_data, splits_notes
from lightxml_core.reporting.features import built_here
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.matching import published_encoders
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Run, Selection

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [
    *("dataset", "method", "variant", "metric", "published", "source", "verified", "reproduced_mean", "reproduced_std"),
    *("seeds", "difference", "tolerance", "verdict", "reason"),
]
REPRODUCED, BELOW, ABOVE, NOT_COMPARABLE = "reproduced", "below", "above", "not comparable"
VERDICTS = (REPRODUCED, BELOW, ABOVE, NOT_COMPARABLE, NOT_RUN)


def verdicts(
    selection: Selection, comparison: pd.DataFrame, tolerance: Mapping[str, float], published: pd.DataFrame
) -> pd.DataFrame:
    """One row, exactly `COLUMNS`, for every row of the comparison with a published figure, so one per source.

    comparison: as `tables.comparison` gives it. tolerance: percentage points by family of metric (`P`, `PSP`, …).
    published: all figures, for the sizes of the datasets.
    The rule: *not comparable* where the method's file says how it differs on this dataset, where its protocol or its
    encoder is not the one that the published figures come from, where its TF-IDF, or that of its label clusters, was
    built here, or where the data are others (a cut, other counts of documents or labels than published), each said as
    the reason; else *reproduced* within the tolerance, *above* or *below* outside it. *not run* where there is nothing
    of ours. On a dataset with splits the standard error of the mean over splits is added to the tolerance.
    """
    import pandas as pd

    figures = [row for row in comparison.to_dict("records") if row["published"] != NONE]
    data = {name: other_data(entry, published) for name, entry in selection.datasets.items()}
    rows = [_judged(selection, row, tolerance, data[row["dataset"]]) for row in figures]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def count(found: pd.DataFrame) -> dict[str, int]:
    """How many figures got each verdict, in the order of `VERDICTS`."""
    counted = Counter(found["verdict"])
    return {verdict: counted[verdict] for verdict in VERDICTS}


def verdict_table(selection: Selection, found: pd.DataFrame) -> Table:
    """The verdicts on what was run, for people, from the frame or its .csv read as text; what was not is counted."""
    ran = found[found.verdict != NOT_RUN].to_dict("records")
    counted = ", ".join(f"{number:,} {verdict}" for verdict, number in count(found).items())
    if not len(found):
        return Table("Verdicts", [], [], "", ["Nothing is published for what this target runs, so nothing was judged."])
    if not ran:
        return Table("Verdicts", [], [], "", [f"None of the published figures was run here: {counted}."])
    rows = [
        [
            title_of(selection.datasets, row["dataset"]),
            *(title_of(selection.methods, row["method"]), row["variant"], row["metric"]),
            *(f"{float(row['reproduced_mean']):.2f}", _std(row), str(row["seeds"]), f"{float(row['published']):.2f}"),
            *(row["source"], row["verified"], f"{float(row['difference']):+.2f}", row["verdict"], row["reason"]),
        ]
        for row in ran
    ]
    headers = ["dataset", "method", "variant", "metric", "reproduced", "std", "seeds", "published", "source", "checked"]
    points = {row["metric"].split("@")[0]: float(row["tolerance"]) - _standard_error(selection, row) for row in ran}
    rule = ", ".join(f"{family}@k {value:.4g}" for family, value in points.items())
    counts = f"Published figures, each source by itself: {counted}."
    notes = [counts, f"Reproduced: within this many points, {rule}.", *_splits_rule(selection, ran), *_RULE]
    return Table("Verdicts", [*headers, "difference", "verdict", "why"], rows, "llllrrrrllrll", notes)


_RULE = (
    "Not comparable: another encoder, protocol, TF-IDF or cut of the data than published, or a difference that "
    "the method's file states.",
    "Checked: seen in the source; derived from figures that were seen; recalled, which nobody could check.",
)


def _splits_rule(selection: Selection, ran: Sequence[Mapping[str, Any]]) -> list[str]:
    told = splits_notes(selection, [row["dataset"] for row in ran])
    return [*told, "There, the standard error of the mean over splits is added to these points."] if told else []


def _standard_error(selection: Selection, row: Mapping[str, Any]) -> float:
    """Of the mean over splits, in points; 0 for a dataset without splits, or for one run."""
    if not has_splits(selection, row["dataset"]) or row["reproduced_std"] == MISSING:
        return 0.0
    return float(row["reproduced_std"]) / math.sqrt(int(row["seeds"]))


def _std(row: Mapping[str, Any]) -> str:
    return MISSING if row["reproduced_std"] == MISSING else f"{float(row['reproduced_std']):.2f}"


def _judged(selection: Selection, row: Mapping[str, Any], tolerance: Mapping[str, float], data: str) -> dict[str, Any]:
    known = {name: row[name] for name in COLUMNS[:10]}
    if row["reproduced_mean"] == NOT_RUN:
        return {**known, "difference": NOT_RUN, "tolerance": NOT_RUN, "verdict": NOT_RUN, "reason": NOT_RUN}
    points = round(float(tolerance[row["metric"].split("@")[0]]) + _standard_error(selection, row), 6)
    difference = round(float(row["reproduced_mean"]) - float(row["published"]), 6)
    reason = "; ".join(filter(None, [*_differences_of_kind(selection, row), data]))
    verdict = NOT_COMPARABLE if reason else _by_size(difference, points)
    return {**known, "difference": difference, "tolerance": points, "verdict": verdict, "reason": reason or NONE}


def _by_size(difference: float, points: float) -> str:
    if abs(difference) <= points:
        return REPRODUCED
    return ABOVE if difference > 0 else BELOW


def _differences_of_kind(selection: Selection, row: Mapping[str, Any]) -> list[str]:
    """Why the two figures are not of the same model."""
    method = selection.methods[row["method"]]
    reasons = [difference.what for difference in method.differs if difference.concerns(row["dataset"])]
    protocol = method.published_protocol
    if protocol not in (None, row["protocol"]):
        reasons.append(f"run by the {row['protocol']} protocol, published by the {protocol} one")
    published = published_encoders(method, row["variant"])
    if others := sorted(_encoders(selection, row) - published) if published else []:
        reasons.append(f"encoder {', '.join(others)}, published with {', '.join(sorted(published))}")
    if any(built_here(selection, row["dataset"], run.features) for run in _runs(selection, row)):
        reasons.append("TF-IDF built here, published with the shipped one")
    return reasons


def _runs(selection: Selection, row: Mapping[str, Any]) -> list[Run]:
    """The runs that a row of the comparison is the mean of."""
    names = (row["dataset"], row["method"], row["variant"])
    return [run for run in selection.runs if (run.dataset, run.method, run.variant) == names]


def _encoders(selection: Selection, row: Mapping[str, Any]) -> set[str]:
    """The backbones of what was run, an ensemble's members'."""
    runs = [run for run in selection.runs if (run.dataset, run.method) == (row["dataset"], row["method"])]
    of_ensemble = any(run.member is None and run.variant == row["variant"] for run in runs)
    return {run.backbone for run in runs if run.backbone and (of_ensemble or run.variant == row["variant"])}
