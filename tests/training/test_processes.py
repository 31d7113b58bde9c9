"""Two processes that train one model together over gloo, against one process on the same batches."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy import sparse

from lightxml_core.corpus.store import write_corpus
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import tokenize
from lightxml_core.files import save_array, save_csr
from lightxml_core.methods import changed, flatten
from lightxml_core.methods.lightxml import Settings
from lightxml_core.training.processes import Team
from lightxml_core.training.provenance import count_attempt, forget_attempts
from tests.helpers.fork_server import python
from tests.helpers.planted import FAST, LABELS, MAX_TOKENS, documents
from tests.helpers.project import ROOT

DOCUMENTS = 201  # the last micro-batch of an epoch has one document, so one process gets none
STEADY = changed(FAST, epochs=2, feature_dropout=0.0, select="validation", swa_warmup=1, swa_step=5, batch=8)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs of a training run, as the earlier stages write them."""
    folder = tmp_path_factory.mktemp("prepared")
    (texts, Y), (texts_tst, Y_tst) = documents(DOCUMENTS, 1), documents(20, 2)
    write_corpus(Corpus(Part(texts, Y), Part(texts_tst, Y_tst), [f"l{i}" for i in range(LABELS)]), folder / "corpus")
    save_array(folder / "corpus/validation.npy", np.arange(0, DOCUMENTS - 1, 5))
    build_scratch(ScratchConfig("bert", 400, 32, 2, 2, MAX_TOKENS), texts, folder / "encoder")
    tokenize(texts, folder / "encoder", MAX_TOKENS, "plain", folder / "tokens", "trn")
    save_csr(folder / "clusters.npz", sparse.csr_matrix(np.eye(6, dtype=np.float32)[np.arange(LABELS) % 6]))
    return folder


def train(prepared: Path, settings: Settings, processes: int, out: Path) -> list[dict[str, Any]]:
    """The lines of the training log."""
    chosen = {key: value for key, value in flatten(settings).items() if key != "seed"}
    arguments = ["--method", "lightxml", "--settings", json.dumps(chosen), "--processes", str(processes)]
    for name, value in {
        "corpus": prepared / "corpus",
        "encoder": prepared / "encoder",
        "tokens": prepared / "tokens",
        "clusters": prepared / "clusters.npz",
        "model": out / "model",
        "provenance": out / "provenance.json",
        "training-log": out / "training.jsonl",
    }.items():
        arguments += [f"--{name}", str(value)]
    command = [python(), "-m", "workflow_scripts.train", *arguments]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((out / "provenance.json").read_text())["settings"]["batch"] == settings.training.batch
    return [json.loads(line) for line in (out / "training.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "settings",
    [STEADY, changed(STEADY, head="clustered", accumulate=2, warm_epochs=1, clusters_kept=6)],
    ids=["flat", "clustered, accumulated, warm"],
)
def test_two_processes_give_the_losses_and_weights_of_one(settings: Settings, prepared: Path, tmp_path: Path) -> None:
    one, two = (train(prepared, settings, n, tmp_path / str(n)) for n in (1, 2))
    assert [line["kind"] for line in two] == [line["kind"] for line in one]
    for alone, together in zip(one, two, strict=True):
        if alone["kind"] == "step":
            assert together["loss"] == pytest.approx(alone["loss"], rel=2e-3)
            assert together["encoded"] == alone["encoded"]
        if alone["kind"] == "epoch":
            assert together["validation"] == pytest.approx(alone["validation"], abs=3.0)
    weights = [load_file(tmp_path / n / "model/model.safetensors") for n in ("1", "2")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-2, atol=2e-3, msg=lambda m, n=name: f"{n}: {m}")


def test_an_error_of_one_process_ends_all(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="not finite at step"):
        train(prepared, changed(STEADY, adam_eps=1e-300), 2, tmp_path)
    assert not (tmp_path / "model").exists() and not (tmp_path / "provenance.json").exists()
    assert count_attempt(tmp_path, datetime.now(UTC)) == 2, "the failed one, once for both processes, and this"
    forget_attempts(tmp_path)
    assert count_attempt(tmp_path, datetime.now(UTC)) == 1


def test_shares_are_disjoint_complete_and_never_empty() -> None:
    for documents_trn, size in ((1, 1), (1, 3), (2, 3), (7, 2), (8, 4)):
        rows = np.arange(documents_trn) + 10
        shares = [Team(rank, size).share(rows) for rank in range(size)]
        assert sorted(row for own, count in shares for row in own[:count]) == rows.tolist()
        assert all(len(own) for own, _ in shares)
