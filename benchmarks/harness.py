"""Two ways of doing the same, in turn, several times; what is reported is the ratio of their medians."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
Clock = Callable[[], float]


def compare(
    name: str,
    ours: Callable[[], Any],
    other: Callable[[], Any],
    *,
    against: str,
    goal: float | None = None,
    repeats: int = 5,
    clock: Clock = time.perf_counter,
    notes: dict[str, Any] | None = None,
) -> float:
    """Run both in turn `repeats` times, after one run of each that does not count; returns ours / other.

    goal: the ratio that ours should stay below. clock: `time.process_time` for processor time over all threads.
    Prints one line and writes benchmarks/results/<name>.json.
    """
    seconds: dict[str, list[float]] = {"ours": [], "other": []}
    for turn in range(repeats + 1):
        for key, call in (("ours", ours), ("other", other)):
            started = clock()
            call()
            if turn:
                seconds[key].append(clock() - started)
    medians = {key: statistics.median(values) for key, values in seconds.items()}
    ratio = medians["ours"] / medians["other"]
    report(name, ratio, goal, against, {"seconds": seconds, "clock": clock.__name__, **(notes or {})})
    return ratio


def report(name: str, ratio: float, goal: float | None, against: str, details: dict[str, Any]) -> None:
    """Print one line and write the benchmark's JSON."""
    aim = "" if goal is None else f"  goal {goal:g}: {'met' if ratio <= goal else 'MISSED'}"
    print(f"{name:<28} {ratio:8.4f} × {against}{aim}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    found = {"name": name, "ratio": ratio, "goal": goal, "against": against, **details, "machine": machine()}
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    from lightxml_core.training.provenance import git_commit, hardware

    return {**hardware(), "commit": git_commit(), "threads": os.environ.get("OMP_NUM_THREADS"), "load": os.getloadavg()}


def peak_gib(module: str, *arguments: str) -> float:
    """Peak memory in GiB of `python -m module arguments`, a process of its own."""
    child = subprocess.Popen([sys.executable, "-m", module, *arguments])
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, module)
    return used.ru_maxrss / 2**20
