"""Was it reproduced? One verdict for every reproduced figure that has a published one, by a stated rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.runs import Selection, title_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [
    *("dataset", "method", "variant", "metric", "published", "source", "verified", "reproduced_mean", "reproduced_std"),
    *("seeds", "difference", "tolerance", "verdict", "reason"),
]
REPRODUCED, BELOW, ABOVE, NOT_COMPARABLE, NOT_RUN = "reproduced", "below", "above", "not comparable", "not run"
VERDICTS = (REPRODUCED, BELOW, ABOVE, NOT_COMPARABLE, NOT_RUN)


def verdicts(selection: Selection, comparison: pd.DataFrame, tolerance: Mapping[str, float]) -> pd.DataFrame:
    """One row, exactly `COLUMNS`, for every row of the comparison with a published figure.

    comparison: as `tables.comparison` gives it. tolerance: percentage points by family of metric (`P`, `PSP`, …).
    The rule: *not comparable* where the method's file says how it differs, or where its protocol is not the one that
    the published figures come from, both said as the reason; else *reproduced* within the tolerance, *above* or *below*
    outside it. *not run* where there is nothing of ours.
    """
    import pandas as pd

    printed = [row for row in comparison.to_dict("records") if row["published"] != "none"]
    return pd.DataFrame([_judged(selection, row, tolerance) for row in printed], columns=COLUMNS, dtype=object)


def count(found: pd.DataFrame) -> dict[str, int]:
    """How many figures got each verdict, in the order of `VERDICTS`."""
    counted = Counter(found["verdict"])
    return {verdict: counted[verdict] for verdict in VERDICTS}


def verdict_table(selection: Selection, found: pd.DataFrame) -> Table:
    """The verdicts on what was run, for people, from the frame or its .csv read as text; what was not is counted."""
    ran = found[found.verdict != NOT_RUN]
    rows = [
        [
            title_of(selection["datasets"], row["dataset"]),
            *(title_of(selection["methods"], row["method"]), row["variant"], row["metric"]),
            *(f"{float(row['reproduced_mean']):.2f}", f"{float(row['published']):.2f}"),
            *(f"{float(row['difference']):+.2f}", row["verdict"], row["reason"], row["source"]),
        ]
        for row in ran.to_dict("records")
    ]
    headers = ["dataset", "method", "variant", "metric", "reproduced", "published", "difference", "verdict"]
    counted = ", ".join(f"{number:,} {verdict}" for verdict, number in count(found).items())
    points = {row["metric"].split("@")[0]: float(row["tolerance"]) for row in ran.to_dict("records")}
    rule = ", ".join(f"{family}@k {value:g}" for family, value in points.items())
    notes = [f"Figures in print: {counted}.", *([f"Reproduced: within so many points, {rule}."] if rule else [])]
    return Table("Verdicts", [*headers, "why", "source"], rows, "llllrrrlll", notes)


def _judged(selection: Selection, row: Mapping[str, Any], tolerance: Mapping[str, float]) -> dict[str, Any]:
    known = {name: row[name] for name in COLUMNS[:10]}
    if row["reproduced_mean"] == NOT_RUN:
        return {**known, "difference": NOT_RUN, "tolerance": NOT_RUN, "verdict": NOT_RUN, "reason": NOT_RUN}
    points = float(tolerance[row["metric"].split("@")[0]])
    difference = round(float(row["reproduced_mean"]) - float(row["published"]), 6)
    reason = _difference_of_kind(selection, row)
    verdict = NOT_COMPARABLE if reason else _by_size(difference, points)
    return {**known, "difference": difference, "tolerance": points, "verdict": verdict, "reason": reason or "none"}


def _by_size(difference: float, points: float) -> str:
    if abs(difference) <= points:
        return REPRODUCED
    return ABOVE if difference > 0 else BELOW


def _difference_of_kind(selection: Selection, row: Mapping[str, Any]) -> str:
    """Why the two figures are not of the same thing, or nothing."""
    method = selection["methods"][row["method"]]
    reasons = [method.get("differs")]
    protocol = method.get("published_protocol")
    if protocol not in (None, row["protocol"]):
        reasons.append(f"run by the {row['protocol']} protocol, published by the {protocol} one")
    return "; ".join(filter(None, reasons))
