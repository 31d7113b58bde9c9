"""Compile the library: its bytecode, and each numba kernel for the types that the workflow calls it with."""

from __future__ import annotations

import compileall
import fcntl
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy import sparse

from lightxml_core.files import load_csr, save_csr


@cache
def compile_library(root: Path) -> None:
    """Compile what is not compiled yet of the project in `root`, for its copies to take along.

    Each copy would take half a minute for it.
    """
    with (root / "pyproject.toml").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes
        subprocess.run([sys.executable, "-m", __name__], cwd=root, check=True)


def _compile() -> None:
    from lightxml_core.clustering.balanced import balanced_clusters, leaf_objective
    from lightxml_core.evaluation.evaluate import evaluate_run
    from lightxml_core.features.labels import label_features

    for package in ("lightxml_core", "workflow_scripts"):
        compileall.compile_dir(Path(package), quiet=1)
    with TemporaryDirectory() as temporary:
        folder, chance = Path(temporary), np.random.default_rng(0)
        X, Y = (_stored(folder / "matrix.npz", chance.random((40, width)) < 0.3) for width in (30, 16))
        features = label_features(X, Y, folder)
        leaf_objective(features, balanced_clusters(features, max_leaf=4))
        evaluate_run(Y, Y, Y, 0.55, 1.5)


def _stored(path: Path, entries: np.ndarray) -> sparse.csr_matrix:
    """A matrix as a job reads it; compiled types depend on whether the arrays are in memory or memory-mapped."""
    save_csr(path, sparse.csr_matrix(entries.astype(np.float32)))
    return load_csr(path, path.parent)


if __name__ == "__main__":
    _compile()
