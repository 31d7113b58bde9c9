"""`python -m benchmarks [name …]`: run benchmarks, each in a process of its own, and collect results.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.harness import RESULTS
from lightxml_core.files import read_json, write_text

HERE = Path(__file__).parent
INTRODUCTION = (
    "`make bench` writes this file. Each ratio is the median time of our way divided by that of the other way, both",
    "measured in turn in the same run. Times are processor times unless the row says otherwise. A ratio up to its goal",
    "meets it. Other programs ran on the same cores: the load is that of the machine during the measurement.",
    "A benchmark without a row was not run. The plot omits what did not fit into the free memory.",
    "",
    "The time of `label_scaling` grows with the weights that a step needs. The recall head has an output per cluster,",
    "and documents share rows when there are few labels but not when there are many. `label_scaling_per_weight` and",
    "`label_scaling_to_gather` account for this.",
    "",
    "![Time and memory of a step against the number of labels](label_scaling.png)",
)
_NONE = {"__init__", "__main__", "counting", "harness", "synthetic"}


def main() -> None:
    every = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in _NONE)
    chosen = sys.argv[1:] or every
    unknown = sorted(set(chosen) - set(every))
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r}: there are {', '.join(every)}")
    failed = [name for name in chosen if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode]
    write_text(HERE / "results.md", table())
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def table() -> str:
    """All results so far, a row each: ratio of medians, and whether it reaches its goal."""
    lines = ["# Benchmarks", "", *INTRODUCTION, ""]
    lines += ["| benchmark | ratio | goal | against | cores (load) |", "| --- | ---: | ---: | --- | --- |"]
    for path in sorted(RESULTS.glob("*.json")):
        found = read_json(path)
        goal = "" if found["goal"] is None else f"{found['goal']:g} {'✓' if found['ratio'] <= found['goal'] else '✗'}"
        machine = found["machine"]
        where = f"{machine['gpu'] or machine['cores']} ({machine['load'][0]:.0f})"
        cells = [found["name"], f"{found['ratio']:.4f}", goal, found["against"], where]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
