"""Write the table of metrics in docs/results.md from the catalogue; with `--check`, fail if it is out of date."""

from __future__ import annotations

import sys
from pathlib import Path

from lightxml_core.evaluation.catalogue import METRICS, Metric

PAGE = Path(__file__).with_name("results.md")
BEGIN, END = "<!-- metrics, written by docs/metrics.py -->\n", "<!-- end of metrics -->\n"
HEAD = "| metric | k | group | better | tolerance | what it measures |\n|---|---|---|---|---|---|\n"


def row(metric: Metric) -> str:
    """A line of the table."""
    ks = ", ".join(map(str, metric.ks)) or "none"
    return (
        f"| `{metric.written}` | {ks} | `{metric.group}` | {metric.better} | {metric.tolerance:g} | {metric.what} |\n"
    )


def main() -> None:
    old = PAGE.read_text(encoding="utf-8")
    start, end = old.index(BEGIN), old.index(END)
    new = old[:start] + BEGIN + HEAD + "".join(map(row, METRICS.values())) + old[end:]
    if "--check" in sys.argv:
        stale = "docs/results.md: its metrics are not those of the catalogue: run python -m docs.metrics"
        sys.exit(stale if new != old else None)
    PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
