"""Two ways of doing the same, in turn, several times; what is reported is the ratio of their medians."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightxml_core.files import write_json
from lightxml_core.training.provenance import git_commit, hardware

RESULTS = Path(__file__).parent / "results"


def _processor() -> float:
    """Seconds that the threads of this process and its children have run."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


CLOCKS: dict[str, Callable[[], float]] = {"cpu": _processor, "wall": time.perf_counter}


def compare(
    name: str,
    ours: Callable[[], Any],
    other: Callable[[], Any],
    *,
    against: str,
    goal: float | None = None,
    notes: dict[str, Any] | None = None,
    clock: str = "cpu",
) -> None:
    """Measure both ways; print one line and write benchmarks/results/<name>.json. goal: the most that ours may take.

    clock: `cpu`, the time of all threads, which other programs on the machine disturb less, or `wall`. Both are kept.
    """
    seconds = measure({"ours": ours, "other": other})
    middle = medians(seconds)
    ratios = {which: middle["ours"][which] / middle["other"][which] for which in CLOCKS}
    details = {"ratios": ratios, "seconds": seconds, **(notes or {})}
    report(name, ratios[clock], goal, f"{against} (in wall time {ratios['wall']:.3f})", details)


def medians(seconds: Mapping[str, Mapping[str, list[float]]]) -> dict[str, dict[str, float]]:
    """The median of each list that `measure` gives."""
    return {name: {clock: statistics.median(all_) for clock, all_ in taken.items()} for name, taken in seconds.items()}


def measure(calls: Mapping[str, Callable[[], Any]], repeats: int = 5) -> dict[str, dict[str, list[float]]]:
    """Seconds of each call by each clock, run in turn `repeats` times, after one run of each that does not count."""
    taken: dict[str, dict[str, list[float]]] = {name: {clock: [] for clock in CLOCKS} for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            started = {clock: now() for clock, now in CLOCKS.items()}
            call()
            for clock, now in CLOCKS.items():
                if turn:
                    taken[name][clock].append(now() - started[clock])
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
