"""The real workflow on a few hundred documents: killed, on a full disk, and with downloads from a web server."""

from __future__ import annotations

import csv
import http.server
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse

from lightxml_core.arrays import new_array
from lightxml_core.errors import InputError, main_guard, refusal
from lightxml_core.files import load_csr, save_csr
from tests.faults.project import FINAL, METHOD, Reference, undisturbed
from tests.faults.suite import (
    HANDED_OVER,
    broken_downloads,
    cut,
    damaged,
    damaged_checkpoint,
    killed,
    second_run,
    stopped,
    turn,
)
from tests.helpers.project import copy_project, snakemake, write_attentionxml

EURLEX = """\
title: Eurlex-4K
source:
  mirrors:
    - {url: ADDRESS/missing.tar.gz, archive: a.tar.gz, layout: pecos}
    - {url: ADDRESS/Eurlex-4K.tar.gz, archive: b.tar.gz, layout: attentionxml%s}
expected: {documents_trn: 2100, documents_tst: 520, labels: 41}
"""

BAGS = """\
title: Bags of words
published_as: Delicious
source:
  labels: {last: 6}
  splits: {count: 2, trn: trn.txt, tst: tst.txt}
  mirrors:
    - files: [{url: ADDRESS/bags.arff}, {url: ADDRESS/trn.txt}, {url: ADDRESS/tst.txt}]
      layout: arff
"""

CHEAP = """\
targets:
  eurlex-4k-small:
    methods: [parabel, knn, popularity]
"""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A project that was run undisturbed."""
    return undisturbed(tmp_path_factory.mktemp("zwölf große Käse's 資料"))


def test_a_run_killed_anywhere_ends_in_the_same_bytes(reference: Reference) -> None:
    hits = killed(reference, stages=["prepare_corpus", "train", "figures"])
    assert sum(int(outcome.split()[1]) for outcome in hits.values()) >= 6
    logs = [path.read_text() for path in (reference.project / "results").rglob("training.jsonl")]
    steps = [[line["step"] for line in map(json.loads, log.splitlines()) if line["kind"] == "step"] for log in logs]
    assert len(steps) == 2 and all(found == list(range(1, len(found) + 1)) for found in steps)


def test_a_stopped_run_ends_and_resumes_later(reference: Reference) -> None:
    stopped(reference, stages=["train"])


def test_a_damaged_file_is_named_and_never_used(reference: Reference) -> None:
    files = list(HANDED_OVER)[1 :: len(HANDED_OVER) // 2 - 1]  # for example the raw data, a model, a figure
    damaged(reference, files, turn, cut)


def test_a_damaged_checkpoint_is_named_and_never_used(reference: Reference) -> None:
    damaged_checkpoint(reference)


def test_a_file_is_completed_from_a_server_that_breaks_off(reference: Reference) -> None:
    broken_downloads(reference)


def test_a_second_run_in_the_same_folder_is_refused(reference: Reference) -> None:
    second_run(reference)


def test_the_number_of_threads_does_not_change_results_without_torch(reference: Reference) -> None:
    stages = [
        f"results/tiny/{name}" for name in ("features/tfidf/X.trn.npz", "clusters/4-0.npz", "encoders/scratch-tiny")
    ]
    stages += ["results/tiny/tokens/scratch-tiny-32-plain"]
    stages += [f"results/tiny/{method}/single/seed0/predictions.npz" for method in ("knn", "popularity", "one-vs-rest")]
    found = []
    for cores in (1, 2):
        project = reference.fresh()
        said = snakemake(project, *stages, cores=cores)
        assert cores == 1 or "threads: 2" in said
        files = [path for path in (project / "results/tiny").rglob("*") if path.suffix in (".npz", ".npy", ".txt")]
        found.append({path.relative_to(project): path.read_bytes() for path in files})
    assert len(found[0]) > 12 and found[0] == found[1]


def test_training_a_model_that_another_process_trains_is_refused(tmp_path: Path) -> None:
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


def test_a_full_disk_is_reported_in_one_line_and_nothing_is_half_written(tmp_path: Path, small_disk: Path) -> None:
    write_attentionxml(tmp_path / "corpus", documents=20_000, tests=40, labels=16)
    out = small_disk / "corpus"
    command = [sys.executable, "-m", "workflow_scripts.prepare_corpus", "--raw", tmp_path / "corpus"]
    command += ["--layout", "attentionxml", "--dataset", "tiny", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "error: the disk is full" in done.stderr
    assert [path for path in out.rglob("*") if path.is_file()] == []


def test_an_array_too_large_for_the_disk_is_refused_first(small_disk: Path) -> None:
    """The message appears before the disk is full."""
    new_array(2**16, np.float32, small_disk)[:] = 1.0
    with pytest.raises(OSError) as caught:
        new_array(2**20, np.float32, small_disk)
    assert str(refusal(caught.value)).startswith("the disk is full")
    save_csr(small_disk / "X.npz", sparse.csr_matrix(np.ones((1, 2**19), np.float32)))
    with pytest.raises(InputError, match="the disk is full"):
        load_csr(small_disk / "X.npz", small_disk)
    assert [path.name for path in small_disk.iterdir()] == ["X.npz"]


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


def test_a_bag_of_words_with_splits_runs_from_a_server_to_the_report(tmp_path: Path, served: tuple[Path, str]) -> None:
    """Each label has a word of its own, in two official splits, as Delicious has ten."""
    folder, address = served
    label, words = np.arange(80) % 6, np.random.default_rng(0).integers(0, 3, (80, 4))
    attributes = [f"@attribute {name} numeric" for name in ("a", "b", "c", "d", *(f"own{i}" for i in range(6)))]
    attributes += [f"@attribute TAG_{i} {{0,1}}" for i in range(6)]
    rows = [
        ",".join(map(str, [*words[i], *np.eye(6, dtype=int)[label[i]] * 5, *np.eye(6, dtype=int)[label[i]]]))
        for i in range(80)
    ]
    (folder / "bags.arff").write_text("\n".join(["@relation bags", *attributes, "@data", *rows, ""]))
    order = [np.random.default_rng(split).permutation(80) + 1 for split in (1, 2)]
    for name, part in (("trn", slice(60)), ("tst", slice(60, None))):
        columns = np.stack([np.sort(rows[part]) for rows in order], axis=1)
        np.savetxt(folder / f"{name}.txt", columns, fmt="%d")
    project = copy_project(tmp_path / "project")
    (project / "datasets/bags.yaml").write_text(BAGS.replace("ADDRESS", address))
    (project / "cheap.yaml").write_text("targets: {bags: {datasets: [bags], methods: [parabel]}}")
    snakemake(project, "bags", "--configfile", "cheap.yaml")
    with (project / "results/tables/comparison.csv").open(newline="") as opened:
        (found,) = [r for r in csv.DictReader(opened) if r["method"] == "parabel" and r["metric"] == "P@1"]
    assert found["seeds"] == "2" and float(found["reproduced_mean"]) > 90
    with (project / "results/tables/verdicts.csv").open(newline="") as opened:
        verdicts = {r["verdict"] for r in csv.DictReader(opened) if r["method"] == "parabel"}
    assert verdicts == {"not comparable"}, "these are not Delicious' counts of documents and labels"
    assert "Bags of words" in (project / "results/report.html").read_text()


def test_eurlex_small_runs_from_a_server_to_the_report(tmp_path: Path, served: tuple[Path, str]) -> None:
    """The CI target as docs/ci.md has it, against an archive in the layout of the real one."""
    folder, address = served
    write_attentionxml(folder / "Eurlex-4K", documents=2100, tests=520, labels=40)
    with tarfile.open(folder / "Eurlex-4K.tar.gz", "w:gz") as archive:
        archive.add(folder / "Eurlex-4K", arcname="Eurlex-4K")
    project = copy_project(tmp_path / "project")
    definition = EURLEX.replace("ADDRESS", address)
    (project / "datasets/eurlex-4k.yaml").write_text(definition % "")
    (project / "cheap.yaml").write_text(CHEAP)
    stats = "results/eurlex-4k-small/corpus/stats.json"
    refused = snakemake(project, stats, expect=1)
    assert "labels is 40, expected 41" in refused and "datasets/eurlex-4k.yaml" in refused
    assert "no copy of eurlex-4k can be used" in refused and "HTTP 404" in refused
    assert not (project / "data/eurlex-4k/raw").exists()
    (project / "datasets/eurlex-4k.yaml").write_text(definition % ", expected: {labels: 40}")
    shutil.rmtree(folder)  # earlier downloads are reused
    snakemake(project, "eurlex-4k-small", "--configfile", "cheap.yaml")
    assert json.loads((project / stats).read_text())["documents_trn"] == 2000
    assert "b.tar.gz" in (project / "data/eurlex-4k/source.json").read_text()
    with (project / "results/tables/comparison.csv").open(newline="") as opened:
        found = {r["method"]: float(r["reproduced_mean"]) for r in csv.DictReader(opened) if r["metric"] == "P@1"}
    assert found["parabel"] > 90 and found["knn"] > 90 > 20 > found["popularity"], "each label has words of its own"
    assert "Eurlex-4K (small sample)" in (project / "results/report.html").read_text()
    stages = {
        "download_dataset",
        "prepare_corpus",
        "split_validation",
        "build_features",
        "train",
        "predict",
        "evaluate",
    }
    stages |= {"select", "tables", "figures", "report", "publish"}
    assert stages == {path.name for path in (project / "logs").iterdir()}, "each stage leaves its log"
    snakemake(project, "eurlex-4k-small", "--configfile", "cheap.yaml", "--report", "snakemake.html")
    own = (project / "snakemake.html").read_text()
    assert all(f'"{name}"' in own for name in ("Tables", "Figures", "Report")), "a category each"
    assert "calibration" in own and "sample standard deviation" in own, "each figure by its name, with the caption"


def test_a_loss_that_is_not_finite_keeps_the_checkpoint(reference: Reference) -> None:
    """The run stops."""
    project = reference.finished()
    definition = project / "methods/lightxml-tiny.yaml"
    definition.write_text(METHOD.replace("head_lr: 1.0e-3", "adam_eps: 1.0e-300"))
    try:
        said = snakemake(project, FINAL[0], expect=1)
    finally:
        definition.write_text(METHOD)
    assert "not finite at step" in said and "Traceback" not in said
    member = project / "results/tiny/lightxml-tiny/flat/seed0"
    assert not (member / "model").exists() and (member / "checkpoint").is_dir()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device", "a/b"), "the disk is full while writing a/b"),
        # the message of safetensors
        (RuntimeError("I/O error: No space left on device (os error 28)"), "the disk is full"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 80.00 MiB."), "the GPU's memory is full"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `c`"), "the GPU's memory is full"),
        (ValueError("no such thing"), None),
    ],
)
def test_a_full_disk_or_memory_is_reported_whatever_the_library(
    error: Exception, told: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing() -> None:
        raise error

    with pytest.raises(SystemExit if told else type(error)):
        main_guard(failing)
    said = capsys.readouterr().err
    assert said.startswith(f"error: {told}") and said.count("\n") == 1 if told else said == ""
