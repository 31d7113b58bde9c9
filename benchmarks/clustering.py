"""Label features and balanced clusters of 100,000 labels (`L`) and of 670,091 (`XL`), against scipy and PECOS.

`python -m benchmarks.clustering [L|XL]`, without a size both. PECOS needs numpy < 2, so it runs under an interpreter of
its own, `PECOS_PYTHON=/path/to/its/python`; `make bench` sets it up. Without it only the label features are compared.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.harness import measure, medians, report
from benchmarks.synthetic import Shape, generate
from lightxml_core.clustering.balanced import leaf_objective
from lightxml_core.features.labels import label_features, normalise_rows
from lightxml_core.files import load_csr, save_csr

SIZES = {
    "L": (90_000, Shape(100_000, 100_000, 5.06, 100), 5),
    "XL": (490_449, Shape(670_091, 135_909, 5.43, 95), 1),
}
# tolerance → (most CPU time as a share of PECOS's, least objective as a share of PECOS's)
GOALS = {1e-4: (0.25, 0.997), 1e-5: (0.5, 0.9995)}
OURS = """
import json, sys, time
from pathlib import Path
from lightxml_core.clustering.balanced import balanced_clusters
from lightxml_core.files import load_csr, save_csr
def memory(what): return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith(what)) / 2**20
Z = load_csr(Path(sys.argv[1]))
balanced_clusters(Z[:200], 100, 0)  # compiles, or loads what is compiled
open("/proc/self/clear_refs", "w").write("5")  # the highest resident memory is counted from here
before, started = memory("VmRSS"), time.process_time()
clusters = balanced_clusters(Z, 100, 0, tolerance=float(sys.argv[3]), threads=int(sys.argv[4]))
taken = time.process_time() - started
save_csr(Path(sys.argv[2]), clusters)
print(json.dumps({"cpu_seconds": taken, "peak_gib": memory("VmHWM") - before}))
"""
PECOS = """
import json, sys, time
import scipy.sparse as sparse
from pecos.xmc.base import HierarchicalKMeans
def memory(what): return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith(what)) / 2**20
Z = sparse.load_npz(sys.argv[1]).tocsr()
wanted = HierarchicalKMeans.TrainParams(nr_splits=2, max_leaf_size=100, spherical=True, seed=0, kmeans_max_iter=20,
                                        threads=int(sys.argv[4]))
open("/proc/self/clear_refs", "w").write("5")  # the highest resident memory is counted from here
before, started = memory("VmRSS"), time.process_time()
chain = HierarchicalKMeans.gen(Z, train_params=wanted)
taken = time.process_time() - started
sparse.save_npz(sys.argv[2], chain[len(chain) - 1].tocsr().astype("float32"))
print(json.dumps({"cpu_seconds": taken, "peak_gib": memory("VmHWM") - before}))
"""


def main() -> None:
    for size in sys.argv[1:] or SIZES:
        _measure(size)


def _measure(size: str) -> None:
    X, Y, repeats = corpus(size)
    _against_scipy(size, X, Y, repeats)
    python = os.environ.get("PECOS_PYTHON", "false")
    if shutil.which(python) is None or subprocess.run([python, "-c", "import pecos"], capture_output=True).returncode:
        print("clustering: not compared with PECOS, because PECOS_PYTHON names no interpreter that has it")
        return
    with tempfile.TemporaryDirectory() as folder:
        save_csr(Path(folder) / "Z.npz", label_features(X, Y))
        _against_pecos(size, Path(folder), repeats)


def _against_scipy(size: str, X: sparse.csr_matrix, Y: sparse.csr_matrix, repeats: int) -> None:
    def product() -> sparse.csr_matrix:
        return normalise_rows(sparse.csr_matrix(Y.T) @ normalise_rows(X))

    seconds = measure({"ours": lambda: label_features(X, Y), "scipy": product}, repeats)
    middle = medians(seconds)
    ratio = middle["ours"]["cpu"] / middle["scipy"]["cpu"]
    report(f"label_features_{size}", ratio, 0.7, "scipy's sparse product, CPU time", {"seconds": seconds})


def corpus(size: str) -> tuple[sparse.csr_matrix, sparse.csr_matrix, int]:
    """TF-IDF of a synthetic corpus, its labels, and how often to measure on it."""
    documents, shape, repeats = SIZES[size]
    made = generate(documents, shape, 0)
    counts = np.ones(len(made.words), np.float32)
    X = sparse.csr_matrix((counts, made.words, made.offsets), shape=(documents, shape.vocabulary))
    X.sum_duplicates()
    frequency = np.bincount(X.indices, minlength=shape.vocabulary)
    X.data = (1 + np.log(X.data)) * (np.log((1 + documents) / (1 + frequency))[X.indices] + 1)
    return normalise_rows(X), made.Y, repeats


def _against_pecos(size: str, folder: Path, repeats: int) -> None:
    runs: dict[Any, list[dict[str, float]]] = {tolerance: [] for tolerance in ("pecos", *GOALS)}
    for _ in range(repeats):
        for tolerance, done in runs.items():
            done.append(_measured(folder, tolerance))
    theirs = {name: statistics.median(run[name] for run in runs["pecos"]) for name in runs["pecos"][0]}
    for tolerance, (most, least) in GOALS.items():
        ours = {name: statistics.median(run[name] for run in runs[tolerance]) for name in theirs}
        quality = ours["objective"] / theirs["objective"]
        against = f"PECOS's CPU time, at {quality:.4f} of its objective (goal {least}), peak {ours['peak_gib']:.2f} GiB"
        details = {"tolerance": tolerance, "ours": runs[tolerance], "pecos": runs["pecos"], "quality": quality}
        report(f"clustering_{size}_{tolerance:g}", ours["cpu_seconds"] / theirs["cpu_seconds"], most, against, details)


def _measured(folder: Path, tolerance: Any) -> dict[str, float]:
    """CPU seconds, objective and peak memory above the input, in a process of its own."""
    python, program = (os.environ["PECOS_PYTHON"], PECOS) if tolerance == "pecos" else (sys.executable, OURS)
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    command = [python, "-c", program, *map(str, (folder / "Z.npz", folder / "clusters.npz", tolerance, threads))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "objective": leaf_objective(load_csr(folder / "Z.npz"), load_csr(folder / "clusters.npz"))}


if __name__ == "__main__":
    main()
