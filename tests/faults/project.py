"""A project small enough for a hundred faults: a small corpus in an archive, and LightXML with both heads."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.helpers.fork_server import python
from tests.helpers.project import copy_project, snakemake, write_attentionxml

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
_TARGET = "results/targets/tiny"
MEMBER = f"{_METHOD}/clustered/seed0"
# Each stage by its rule's name, in order, and what it leaves.
STAGES = {
    "download_dataset": "data/tiny/source.json",
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
    "select": f"{_TARGET}/selection.json",
    "tables": f"{_TARGET}/tables/comparison.csv",
    "figures": f"{_TARGET}/figures",
    "report": f"{_TARGET}/report.html",
}
# Files that must be byte-identical between two runs. The report also has times, so it must only exist.
FINAL = [f"{_METHOD}/{variant}/seed0/predictions.npz" for variant in ("flat", "clustered", "ensemble")]
FINAL += [STAGES["evaluate"], f"{_TARGET}/tables/comparison.csv"]
_MADE = ("results", "data", "logs", ".snakemake")


def tiny_project(folder: Path, archive: Path | None = None) -> Path:
    """A copy of the project with one small dataset in an archive, one small method and a target of that name.

    archive: of a corpus in PECOS's layout; without one the corpus is planted.
    """
    copy_project(folder)
    write_attentionxml(folder / "corpus", documents=160, tests=40, labels=16)
    if archive is None:
        pack((folder / "corpus").iterdir(), folder / "tiny.tar.gz")
    else:
        shutil.copyfile(archive, folder / "tiny.tar.gz")
    describe_source(folder, (folder / "tiny.tar.gz").as_uri(), "pecos" if archive else "attentionxml")
    (folder / "methods/lightxml-tiny.yaml").write_text(METHOD)
    (folder / "backbones/scratch-tiny.yaml").write_text(BACKBONE)
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    config["targets"]["tiny"] = {"datasets": ["tiny"], "methods": ["lightxml-tiny"]}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return folder


def describe_source(project: Path, url: str, layout: str) -> None:
    """Define the small dataset as an archive that is downloaded."""
    source = {"mirrors": [{"url": url, "archive": "tiny.tar.gz", "layout": layout}]}
    definition = {"title": "Tiny", "source": source, "validation": 20}
    (project / "datasets/tiny.yaml").write_text(yaml.safe_dump(definition, sort_keys=False), encoding="utf-8")


def pack(files: Iterable[Path], archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as opened:
        for path in sorted(files):
            opened.add(path, path.name)
    return archive


@dataclass(frozen=True)
class Reference:
    """An undisturbed run of the project, in a folder that the faults use in turn, and its results."""

    project: Path
    made: Path

    def fresh(self) -> Path:
        """The project as if nothing had run."""
        for name in _MADE:
            remove(self.project / name)
        return self.project

    def finished(self) -> Path:
        """The project as it was at the end of the undisturbed run, times of modification included."""
        self.fresh()
        for name in _MADE:
            shutil.copytree(self.made / name, self.project / name, symlinks=True)
        return self.project

    def same_end(self, project: Path | None = None) -> None:
        """Assert that the project, or another one, has ended in the same bytes."""
        self.same(FINAL, project)

    def same(self, paths: Iterable[str | Path], project: Path | None = None) -> None:
        """Assert that these files of the project, or of another one, have the bytes of the undisturbed run."""
        for path in paths:
            ours, theirs = (project or self.project) / path, self.made / path
            assert ours.read_bytes() == theirs.read_bytes(), f"{path} differs"


def undisturbed(folder: Path, archive: Path | None = None) -> Reference:
    """The small project in `folder`/project, run to the end."""
    project, made = tiny_project(folder / "project", archive), folder / "made"
    snakemake(project, *FINAL, STAGES["report"])
    for name in _MADE:
        shutil.copytree(project / name, made / name, symlinks=True)
    return Reference(project, made)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


class Running:
    """A run of snakemake that may be disturbed.

    forked: by the fork server. Such a run can be killed, and ends a moment later, but it gets no other signal.
    """

    def __init__(self, project: Path, *targets: str, forked: bool = False) -> None:
        self.started, self.project, self.output = time.time(), project, project / "said.txt"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [python() if forked else sys.executable, "-m", "snakemake", "--cores", "1", *targets],
                cwd=project,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background shell ignores it
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def reaches(self, stage: str, patience: float = 300.0) -> bool:
        """Wait until a job of a stage has begun; False if the run ended before."""
        end = time.monotonic() + patience
        while time.monotonic() < end and self.process.poll() is None:
            if f"rule {stage}:" in self.said:
                return True
            time.sleep(0.02)
        return False

    def finished(self, stage: str) -> bool:
        """Whether a job of a stage has finished in this run."""
        return f"(Rule: {stage})" in self.said

    def end(self, number: int, everyone: bool, patience: float = 300.0) -> int:
        """Signal snakemake, or all its processes as a terminal does; its exit code."""
        if self.process.poll() is None:
            (os.killpg if everyone else os.kill)(self.process.pid, number)
        return self.process.wait(patience)

    def left_nothing_running(self, patience: float = 10.0) -> bool:
        """Whether every process that the run started ends soon after it."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.05)
        return False
