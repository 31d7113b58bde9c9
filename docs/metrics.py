"""The table of metrics in docs/results.md, from the catalogue."""

from __future__ import annotations

from lightxml_core.evaluation.catalogue import METRICS, Metric

BEGIN, END = "<!-- metrics, written by docs/generate.py -->\n", "<!-- end of metrics -->\n"
HEAD = "| metric | k | group | better | tolerance | what it measures |\n|---|---|---|---|---|---|\n"


def row(metric: Metric) -> str:
    """A line of the table."""
    ks = ", ".join(map(str, metric.ks)) or "none"
    return (
        f"| `{metric.written}` | {ks} | `{metric.group}` | {metric.better} | {metric.tolerance:g} | {metric.what} |\n"
    )


def table() -> str:
    """The whole table."""
    return HEAD + "".join(map(row, METRICS.values()))
