"""A project small enough to be broken a hundred times: a planted corpus, and LightXML with both heads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.project import copy_project, snakemake, write_attentionxml

METHOD = """\
title: LightXML, tiny
implementation: lightxml
protocol: clean
ensemble: mean
settings: {backbone: scratch-tiny, layers: 2, max_tokens: 32, epochs: 3, batch: 16, lr: 1.0e-3, head_lr: 1.0e-3,
  bottleneck: 16, max_leaf: 4, clusters_kept: 3, swa_warmup: 1, swa_step: 4, checkpoint_minutes: 0.0,
  warm_epochs: 1, standardise: true, select: validation}
members:
  flat: {}
  clustered: {head: clustered}
"""
BACKBONE = """\
title: tiny
source: {scratch: {type: bert, vocabulary: 400, width: 32, layers: 2, heads: 2, positions: 64}}
"""
_OF = "results/tiny"
_METHOD = f"{_OF}/lightxml-tiny"
MEMBER = f"{_METHOD}/clustered/seed0"
# Each stage by its rule's name, in order, and what it leaves.
STAGES = {
    "prepare_corpus": f"{_OF}/corpus/stats.json",
    "split_validation": f"{_OF}/corpus/validation.npy",
    "build_features": f"{_OF}/features/tfidf/X.trn.npz",
    "cluster_labels": f"{_OF}/clusters/4-0.npz",
    "build_encoder": f"{_OF}/encoders/scratch-tiny",
    "tokenize": f"{_OF}/tokens/scratch-tiny-32-plain",
    "train": f"{MEMBER}/model",
    "predict": f"{MEMBER}/predictions.npz",
    "ensemble": f"{_METHOD}/ensemble/seed0/predictions.npz",
    "evaluate": f"{_METHOD}/ensemble/seed0/metrics.json",
}
# What two runs must agree on to the byte.
FINAL = [f"{_METHOD}/{variant}/seed0/predictions.npz" for variant in ("flat", "clustered", "ensemble")]
FINAL += [STAGES["evaluate"]]


def tiny_project(folder: Path) -> Path:
    """A copy of the project with one small dataset, one small method and a target of the dataset's name."""
    copy_project(folder)
    write_attentionxml(folder / "corpus", documents=160, tests=40, labels=16)
    (folder / "datasets/tiny.yaml").write_text(
        "title: Tiny\nsource:\n  folder: corpus\n  layout: attentionxml\nvalidation: 20\n"
    )
    (folder / "methods/lightxml-tiny.yaml").write_text(METHOD)
    (folder / "backbones/scratch-tiny.yaml").write_text(BACKBONE)
    return folder


def undisturbed(folder: Path) -> Path:
    """The same, run to the end."""
    snakemake(tiny_project(folder), *FINAL)
    return folder


def copied(project: Path, folder: Path) -> Path:
    """A copy of a project with all that it has made, times of modification included."""
    shutil.copytree(project, folder, symlinks=True)
    return folder


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def same_end(project: Path, reference: Path) -> None:
    """Assert that both projects ended in the same bytes."""
    for path in FINAL:
        assert (project / path).read_bytes() == (reference / path).read_bytes(), f"{path} differs"


class Running:
    """A run of snakemake that may be disturbed."""

    def __init__(self, project: Path, *targets: str) -> None:
        self.started, self.project, self.said = time.time(), project, project / "said.txt"
        with self.said.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", "--cores", "1", *targets],
                cwd=project,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def reaches(self, stage: str, patience: float = 120.0) -> bool:
        """Wait until the job of a stage has begun; False where the run ended before that was seen."""
        end = time.monotonic() + patience
        while time.monotonic() < end and self.process.poll() is None:
            logs = (self.project / "logs" / stage).rglob("*.log")
            if any(log.stat().st_mtime >= self.started for log in logs):
                return True
            time.sleep(0.02)
        return False

    def end(self, number: int, everyone: bool, patience: float = 60.0) -> tuple[int, str]:
        """Signal snakemake, or all its processes as a terminal does; its exit code and what it said."""
        if self.process.poll() is None:
            (os.killpg if everyone else os.kill)(self.process.pid, number)
        return self.process.wait(patience), self.said.read_text()
