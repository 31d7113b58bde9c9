"""The real DAG, killed, starved of disk and fed from a web server, on a corpus of a few hundred documents."""

from __future__ import annotations

import http.server
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

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
EURLEX = """\
title: Eurlex-4K
source:
  mirrors:
    - {url: ADDRESS/missing.tar.gz, archive: a.tar.gz, layout: pecos}
    - {url: ADDRESS/Eurlex-4K.tar.gz, archive: b.tar.gz, layout: attentionxml}
expected: {documents_trn: 2100, documents_tst: 520, labels: %d}
"""
VARIANTS = ("flat", "clustered", "ensemble")
PREDICTIONS = [f"results/tiny/lightxml-tiny/{variant}/seed0/predictions.npz" for variant in VARIANTS]


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


def killed_again_and_again(folder: Path, times: int, seed: int) -> int:
    """Run to the predictions, killing the whole process group at random moments; returns the kills that hit."""
    chance, hits = random.Random(seed), 0
    command = [sys.executable, "-m", "snakemake", *PREDICTIONS, "--cores", "1"]
    for _ in range(times):
        running = subprocess.Popen(
            command, cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            running.wait(timeout=chance.uniform(2, 8))
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            hits += 1
    return hits


def test_a_run_killed_anywhere_ends_in_the_same_bytes(tmp_path: Path) -> None:
    undisturbed, killed = tiny_project(tmp_path / "undisturbed"), tiny_project(tmp_path / "killed")
    snakemake(undisturbed, *PREDICTIONS)
    hits = killed_again_and_again(killed, times=10, seed=11)
    snakemake(killed, *PREDICTIONS)
    assert hits >= 3
    for path in PREDICTIONS:
        assert (killed / path).read_bytes() == (undisturbed / path).read_bytes(), path
    logs = [path.read_text() for path in (killed / "results").rglob("training.jsonl")]
    steps = [[line["step"] for line in map(json.loads, log.splitlines()) if line["kind"] == "step"] for log in logs]
    assert len(steps) == 2 and all(found == list(range(1, len(found) + 1)) for found in steps)


def test_a_training_that_another_process_does_is_refused(tmp_path: Path) -> None:
    from lightxml_core.errors import InputError
    from lightxml_core.files import hold_lock

    with hold_lock(tmp_path / "lock", "the member is being trained"), pytest.raises(InputError, match=str(os.getpid())):
        hold_lock(tmp_path / "lock", "the member is being trained")
    hold_lock(tmp_path / "lock", "the member is being trained").close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no right to mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing_half_written(tmp_path: Path, small_disk: Path) -> None:
    write_attentionxml(tmp_path / "corpus", documents=20_000, tests=40, labels=16)
    out = small_disk / "corpus"
    command = [sys.executable, "-m", "workflow_scripts.prepare_corpus", "--raw", tmp_path / "corpus"]
    command += ["--layout", "attentionxml", "--dataset", "tiny", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "error: the disk is full" in done.stderr
    assert [path for path in out.rglob("*") if path.is_file()] == []


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which a loopback server serves it."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_eurlex_small_is_downloaded_unpacked_cut_and_verified(tmp_path: Path, served: tuple[Path, str]) -> None:
    """The CI target's first stages, against an archive of the layout of the real one."""
    folder, address = served
    write_attentionxml(folder / "Eurlex-4K", documents=2100, tests=520, labels=40)
    with tarfile.open(folder / "Eurlex-4K.tar.gz", "w:gz") as archive:
        archive.add(folder / "Eurlex-4K", arcname="Eurlex-4K")
    project = copy_project(tmp_path / "project")
    definition = EURLEX.replace("ADDRESS", address)
    (project / "datasets/eurlex-4k.yaml").write_text(definition % 41)
    stats = "results/eurlex-4k-small/corpus/stats.json"
    refused = snakemake(project, stats, expect=1)
    assert "labels is 40, expected 41" in refused and "datasets/eurlex-4k.yaml" in refused
    assert not (project / "results/eurlex-4k/corpus/stats.json").exists()
    (project / "datasets/eurlex-4k.yaml").write_text(definition % 40)
    shutil.rmtree(folder)  # what was downloaded is not downloaded again
    snakemake(project, stats)
    assert json.loads((project / stats).read_text())["documents_trn"] == 2000
    assert "b.tar.gz" in (project / "data/eurlex-4k/source.json").read_text()


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    project = tiny_project(tmp_path / "project")
    (project / "methods/lightxml-tiny.yaml").write_text(METHOD.replace("head_lr: 1.0e-3", "head_lr: 1.0e+38"))
    said = snakemake(project, PREDICTIONS[0], expect=1)
    assert "not finite at step" in said and "Traceback" not in said
    member = project / "results/tiny/lightxml-tiny/flat/seed0"
    assert not (member / "model").exists() and (member / "checkpoint").is_dir()
