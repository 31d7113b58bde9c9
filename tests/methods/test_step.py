"""The fast training step never makes the processor wait for a GPU: it reads no value of a tensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.counting import counting
from lightxml_core.methods import changed
from lightxml_core.methods.lightxml.model import head_of
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.methods.transformer import training
from lightxml_core.training.checkpoint import Checkpoint
from lightxml_core.training.log import TrainingLog
from lightxml_core.training.loop import TrainingRun
from tests.helpers.planted import FAST, LABELS, Encoded, encoded

STEPWISE = changed(FAST, step="fast", epochs=1)
CLUSTERED = changed(STEPWISE, head="clustered")
HEADS: dict[str, Settings] = {
    "flat": STEPWISE,
    "flat, hinge": changed(STEPWISE, loss="hinge"),
    "clustered": CLUSTERED,
    "clustered, released padding": changed(CLUSTERED, padding="edge", loss="mean"),
    "clustered, every label": changed(CLUSTERED, negatives="all"),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    return encoded(tmp_path_factory.mktemp("corpus"), 64, 8, kinds=("bert", "roberta", "xlnet"))


def stepper(corpus: Encoded, kind: str, settings: Settings, folder: Path) -> TrainingRun:
    """A training of LightXML that has not begun."""
    data = corpus.data(kind, settings)
    rows = training._training_rows(data, settings)
    parts = training.Parts(settings.heads.head, head_of(settings, LABELS, data.clusters))
    model = training._set_up(data, settings, parts, rows)
    task = training._task(model, data, rows, settings, lambda _batch, _epoch: {}, None)
    plan = training._plan(model, settings, parts, len(rows))
    return TrainingRun(task, plan, Checkpoint(folder / "checkpoint", "run"), TrainingLog(folder / "log.jsonl", None))


@pytest.mark.parametrize("head", HEADS)
def test_an_ordinary_step_reads_nothing(head: str, corpus: Encoded, tmp_path: Path) -> None:
    run = stepper(corpus, "bert", HEADS[head], tmp_path)
    assert reads_of_a_step(run) == {}
    run.read()
    assert all(torch.isfinite(p).all() for p in run.model.parameters())


@pytest.mark.parametrize("kind", ["roberta", "xlnet"])
def test_encoders_of_other_types_read_nothing(kind: Any, corpus: Encoded, tmp_path: Path) -> None:
    assert reads_of_a_step(stepper(corpus, kind, STEPWISE, tmp_path)) == {}


def test_the_plain_step_reads_losses_and_norm(corpus: Encoded, tmp_path: Path) -> None:
    """Shows that reads are counted."""
    found = reads_of_a_step(stepper(corpus, "bert", changed(STEPWISE, step="plain"), tmp_path))
    assert found["item"] >= 1 and found["tolist"] >= 1


def reads_of_a_step(run: TrainingRun) -> dict[str, int]:
    """In the second step; the first one sets up the optimiser. The batch is padded, and made outside."""
    first, second = (run.prepare(batch) for batch in run.task.steps(0)[:2])
    assert second.own[0][0].mask is not None
    run.take(0, first)
    with counting() as counts:
        run.take(0, second)
    return dict(counts.reads)
