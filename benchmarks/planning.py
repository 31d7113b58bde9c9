"""Processor time to plan the paper, and to start a program of ours, as shares of their limits of 3 s and 0.5 s."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import measure, medians, report

ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> Callable[[], object]:
    """A call that runs this Python with some arguments."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def main() -> None:
    calls = {
        "plan": run("-m", "snakemake", "--cores", "2", "--dry-run", "all", "--quiet", "rules"),
        "bare": run("-c", "import numpy, scipy.sparse"),
        "start": run("-m", "workflow_scripts.evaluate", "--help"),
    }
    taken = measure(calls)
    seconds = {name: each["cpu"] for name, each in medians(taken).items()}
    report("planning", seconds["plan"] / 3.0, 1.0, "3 s, to plan the paper", {"seconds": taken})
    report(
        "start", (seconds["start"] - seconds["bare"]) / 0.5, 1.0, "0.5 s, beyond numpy and scipy", {"seconds": taken}
    )


if __name__ == "__main__":
    main()
