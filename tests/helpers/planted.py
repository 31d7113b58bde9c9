"""Helpers for tests of trained methods: a planted corpus, a kill during training, and comparisons."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from lightxml_core.encoders.scratch import Kind, ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import load_tokens, tokenize
from lightxml_core.evaluation import metrics
from lightxml_core.files import save_csr
from lightxml_core.methods import TestData, TrainingData, changed
from lightxml_core.methods.lightxml import Settings, fit, needs, predict
from lightxml_core.methods.lightxml.model import head_of
from lightxml_core.methods.transformer import training
from lightxml_core.training.checkpoint import Checkpoint
from lightxml_core.training.log import Progress, TrainingLog
from lightxml_core.training.loop import TrainingRun

LABELS, MAX_TOKENS = 30, 32
LEARNS: dict[str, Any] = {  # settings with which an encoder from scratch learns this corpus
    "layers": 2,
    "max_tokens": MAX_TOKENS,
    "epochs": 8,
    "batch": 16,
    "lr": 5e-3,
    "head_lr": 1e-2,
    "encoder_dropout": False,
    "schedule": "linear",
    "warmup_steps": 10,
    "clip": 1.0,
    "precision": "fp32",
}
FAST = changed(
    Settings(),
    **LEARNS,
    feature_dropout=0.1,
    loss="sum",
    swa_step=0,
    select="last",
    bottleneck=16,
    clusters_kept=3,
    label_bias=True,
)


def documents(count: int, seed: int) -> tuple[list[str], sparse.csr_matrix]:
    """Texts with two to three labels each. Every label has its own word, which occurs twice among common words."""
    random = np.random.default_rng(seed)
    weights = 1.0 / (np.arange(LABELS) + 8)
    texts, Y = [], np.zeros((count, LABELS), np.float32)
    for row in range(count):
        chosen = random.choice(LABELS, random.integers(2, 4), replace=False, p=weights / weights.sum())
        own = [f"{'bcdfgk'[label % 6]}{'aeiou'[label // 6]}z" for label in chosen] * 2
        common = random.choice(["lorem", "ipsum", "dolor", "sit", "amet"], 6).tolist()
        texts.append(" ".join(random.permutation(own + common)))
        Y[row, chosen] = 1.0
    return texts, sparse.csr_matrix(Y)


@dataclass(frozen=True)
class Encoded:
    """Planted documents as tokens, with the encoders from scratch that tokenised them."""

    folder: Path
    Y: sparse.csr_matrix
    Y_tst: sparse.csr_matrix

    def data(self, kind: str, settings: Settings) -> TrainingData:
        wanted = needs(settings)
        clusters = sparse.csr_matrix(np.eye(6, dtype=np.float32)[np.arange(LABELS) % 6])
        return TrainingData(
            Y=self.Y,
            tokens=load_tokens(self.folder / f"tokens-{kind}", "trn"),
            clusters=clusters if "clusters" in wanted else None,
            encoder=self.folder / kind,
            validation=np.arange(0, self.Y.shape[0], 5),
            test=replace(self.test(kind), Y=self.Y_tst) if "test" in wanted else None,
        )

    def test(self, kind: str) -> TestData:
        return TestData(tokens=load_tokens(self.folder / f"tokens-{kind}", "tst"))


def encoded(folder: Path, training: int, test: int, kinds: Iterable[Kind] = ("bert",)) -> Encoded:
    """Make the given numbers of training and test documents, for encoders of these kinds."""
    (texts, Y), (texts_tst, Y_tst) = documents(training, 1), documents(test, 2)
    for kind in kinds:
        build_scratch(ScratchConfig(kind, 400, 32, 2, 2, MAX_TOKENS), texts, folder / kind)
        for part, lines in (("trn", texts), ("tst", texts_tst)):
            tokenize(lines, folder / kind, MAX_TOKENS, "plain", folder / f"tokens-{kind}", part)
    return Encoded(folder, Y, Y_tst)


def trained(corpus: Encoded, kind: str, settings: Settings, folder: Path, resume: bool = True) -> sparse.csr_matrix:
    """Fit LightXML into `folder` and predict the test documents."""
    torch.set_num_threads(1)
    fit(corpus.data(kind, settings), settings, folder / "model", resume)
    return predict(folder / "model", corpus.test(kind), 10)


def begun(corpus: Encoded, kind: str, settings: Settings, folder: Path) -> TrainingRun:
    """A training of LightXML before its first step."""
    data = corpus.data(kind, settings)
    rows = training._training_rows(data, settings)
    parts = training.Parts(settings.heads.head, head_of(settings, LABELS, data.clusters))
    model = training._set_up(data, settings, parts, rows)
    task = training._task(model, data, rows, settings, lambda _batch, _epoch: {}, None)
    plan = training._plan(model, settings, parts, len(rows))
    return TrainingRun(task, plan, Checkpoint(folder / "checkpoint", "run"), TrainingLog(folder / "log.jsonl", None))


def precision(predictions: sparse.csr_matrix, Y: sparse.csr_matrix) -> float:
    """P@1."""
    return 100 * metrics.precision(metrics.rank(predictions, Y, 1), 1)


def bytes_of(predictions: sparse.csr_matrix, folder: Path) -> bytes:
    save_csr(folder / "predictions.npz", predictions)
    return (folder / "predictions.npz").read_bytes()


def log_lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in (folder / "checkpoint/training.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def without_times(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key != "documents_per_second"} for line in lines]


class KilledError(Exception):
    """The process is killed."""


@contextmanager
def killed_at(when: int) -> Iterator[None]:
    """Kill the training in the block at its progress report number `when`, counted from 0."""
    advance: Callable[[Progress, int, str], float] = Progress.advance
    reports = iter(range(10**6))

    def dying(self: Progress, count: int, note: str) -> float:
        if next(reports) == when:
            raise KilledError
        return advance(self, count, note)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Progress, "advance", dying)
        yield


def log_after_a_kill(train: Callable[[Path], sparse.csr_matrix], when: int, folder: Path) -> list[dict[str, Any]]:
    """The log of a training run killed at `when` and resumed. It and the predictions must equal the undisturbed run's.

    train: trains into `model` in a folder, or resumes there, and predicts.
    """
    expected = bytes_of(train(folder / "whole"), folder)
    with killed_at(when):
        train(folder / "killed")
    assert not (folder / "killed/model").exists()
    assert bytes_of(train(folder / "killed"), folder) == expected
    resumed, undisturbed = (without_times(log_lines(folder / name)) for name in ("killed", "whole"))
    assert resumed == undisturbed
    return resumed
