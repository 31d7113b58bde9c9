"""Two ways of doing the same, in turn, several times; what is reported is the ratio of their medians."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightxml_core.files import write_json
from lightxml_core.training.provenance import git_commit, hardware

RESULTS = Path(__file__).parent / "results"


def compare(
    name: str,
    ours: Callable[[], Any],
    other: Callable[[], Any],
    *,
    against: str,
    goal: float | None = None,
    notes: dict[str, Any] | None = None,
) -> None:
    """Measure both ways; print one line and write benchmarks/results/<name>.json. goal: the most that ours may take."""
    seconds = wall_seconds({"ours": ours, "other": other})
    ratio = statistics.median(seconds["ours"]) / statistics.median(seconds["other"])
    report(name, ratio, goal, against, {"seconds": seconds, **(notes or {})})


def wall_seconds(calls: Mapping[str, Callable[[], Any]], repeats: int = 5) -> dict[str, list[float]]:
    """Wall time of each call, run in turn `repeats` times, after one run of each that does not count."""
    return _seconds(calls, repeats, time.perf_counter)


def cpu_seconds(calls: Mapping[str, Callable[[], Any]], repeats: int = 5) -> dict[str, list[float]]:
    """The same as the processor time of all threads, which other programs on the machine disturb less."""
    return _seconds(calls, repeats, time.process_time)


def _seconds(
    calls: Mapping[str, Callable[[], Any]], repeats: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            started = clock()
            call()
            if turn:
                taken[name].append(clock() - started)
    return taken


def report(name: str, ratio: float, goal: float | None, against: str, details: dict[str, Any]) -> None:
    """Print one line and write the benchmark's JSON."""
    aim = "" if goal is None else f"  goal {goal:g}: {'met' if ratio <= goal else 'MISSED'}"
    print(f"{name:<28} {ratio:8.4f} × {against}{aim}", flush=True)
    found = {"name": name, "ratio": ratio, "goal": goal, "against": against, **details, "machine": machine()}
    write_json(RESULTS / f"{name}.json", found)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {**hardware(), "commit": git_commit(), "threads": os.environ.get("OMP_NUM_THREADS"), "load": os.getloadavg()}
