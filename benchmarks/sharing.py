"""A tiny training on two threads beside four busy loops, against its fair share of the cores.

The loops themselves tell the fair share: each gets that of one thread, whatever else runs on the machine. A training
that needs C seconds of one thread, and never waits, leaves each loop C / 2 seconds in the time it takes.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import report
from benchmarks.synthetic import Shape, generate
from lightxml_core.files import load_csr, save_csr
from lightxml_core.training.devices import set_threads

DOCUMENTS, LOOPS, THREADS, ROUNDS = 320, 4, 2, 3
SHAPE = Shape(4_000, 8_000, 5, 60)
SPINNING = {"GOMP_SPINCOUNT": "300000"}  # what libgomp does where nothing is said
ROOT = Path(__file__).parents[1]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        found: dict[str, list[dict[str, float]]] = {"one thread": [], "ours": [], "spinning": []}
        for _ in range(ROUNDS):
            found["one thread"].append(trained(folder, 1, {}))
            found["ours"].append(trained(folder, THREADS, {}))
            found["spinning"].append(trained(folder, THREADS, SPINNING))
    middle = {name: _medians(runs) for name, runs in found.items()}
    needed = middle["one thread"]["cpu"]
    slower = {name: THREADS * middle[name]["loop"] / needed for name in ("ours", "spinning")}
    against = (
        f"the time of a fair share of the cores, beside {LOOPS} busy loops ({slower['spinning']:.1f} if threads spin)"
    )
    report("sharing", slower["ours"], 2.0, against, {"medians": middle, "runs": found})
    cpu = {name: middle[name]["cpu"] / needed for name in ("ours", "spinning")}
    against = f"one thread's processor time, without the loops ({cpu['spinning']:.1f} if threads spin)"
    report("sharing_cpu", cpu["ours"], None, against, {})


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def prepare(folder: Path) -> None:
    """Write what the training reads: encoder, tokens, labels and their clusters."""
    from lightxml_core.clustering.balanced import balanced_clusters
    from lightxml_core.definitions.features import FeatureSettings
    from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
    from lightxml_core.encoders.tokens import tokenize
    from lightxml_core.features.labels import label_features
    from lightxml_core.features.text import build_tfidf

    made = generate(DOCUMENTS, SHAPE, 0)
    texts = made.texts()
    build_scratch(ScratchConfig("bert", layers=2), texts, folder)
    tokenize(texts, folder, 96, "plain", folder, "trn")
    X, _, _ = build_tfidf(texts, texts[:1], FeatureSettings())
    save_csr(folder / "Y.npz", made.Y)
    save_csr(folder / "clusters.npz", balanced_clusters(label_features(X, made.Y), 20, 0))


def trained(folder: str, threads: int, environment: dict[str, str]) -> dict[str, float]:
    """Seconds of a training in a process of its own: `wall` and `cpu` alone, `loop` of each loop beside another one."""
    command = [sys.executable, "-m", "benchmarks.sharing", folder, str(threads)]
    done = subprocess.run(command, env={**os.environ, **environment}, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    seconds: dict[str, float] = json.loads(done.stdout)
    return seconds


def work(folder: Path, threads: int) -> None:
    """Train once to warm up, once alone, once beside the loops; print the seconds."""
    set_threads(threads)
    from lightxml_core.encoders.tokens import load_tokens
    from lightxml_core.methods import TrainingData, changed
    from lightxml_core.methods.lightxml import Settings, fit

    heads = {"head": "clustered", "max_leaf": 20, "bottleneck": 128, "clusters_kept": 16, "label_bias": True}
    rates = {"lr": 3e-3, "head_lr": 2e-2, "schedule": "linear", "warmup_steps": 100, "clip": 1.0}
    reads = {"layers": 2, "position": "mean", "max_tokens": 96, "encoder_dropout": False, "prior_bias": True}
    how = {"loss": "sum", "epochs": 1, "batch": 32, "swa_step": 0, "select": "last"}
    settings = changed(Settings(), **heads, **rates, **reads, **how)
    Y, clusters = load_csr(folder / "Y.npz"), load_csr(folder / "clusters.npz")
    data = TrainingData(Y=Y, tokens=load_tokens(folder, "trn"), clusters=clusters, encoder=folder)
    fit(data, settings, folder / "run/model", False)
    cpu, wall = time.process_time(), time.perf_counter()
    fit(data, settings, folder / "run/model", False)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    with busy_loops():
        fit(data, settings, folder / "run/model", False)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"wall": wall, "cpu": cpu, "loop": (ended.ru_utime + ended.ru_stime) / LOOPS}))


@contextmanager
def busy_loops() -> Iterator[None]:
    """Have the loops run, in processes of their own, as long as the block lasts."""
    loops = [subprocess.Popen(["timeout", "600", "sh", "-c", "while :; do :; done"]) for _ in range(LOOPS)]
    try:
        yield
    finally:
        for loop in loops:
            loop.terminate()
            loop.wait()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
