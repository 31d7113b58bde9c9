"""Time to plan the whole paper, and the start of a program of ours, as shares of their limits of 3 s and 0.5 s."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness import report

ROOT = Path(__file__).parents[1]


def median_seconds(command: list[str], repeats: int = 5) -> float:
    """Median wall time of a command, after a first run that does not count."""
    taken = []
    for turn in range(repeats + 1):
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if turn:
            taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> None:
    plan = median_seconds([sys.executable, "-m", "snakemake", "--cores", "2", "--dry-run", "all", "--quiet", "rules"])
    report("planning", plan / 3.0, 1.0, "3 s, to plan the paper", {"seconds": plan})
    bare = median_seconds([sys.executable, "-c", "import numpy, scipy.sparse"])
    started = median_seconds([sys.executable, "-m", "workflow_scripts.evaluate", "--help"])
    report("start", (started - bare) / 0.5, 1.0, "0.5 s, beyond numpy and scipy", {"seconds": started, "bare": bare})


if __name__ == "__main__":
    main()
