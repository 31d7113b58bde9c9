"""Tests that need a GPU: the same model as on the CPU, mixed precision, resuming and full memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor

from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.methods import changed
from lightxml_core.methods.lightxml import predict
from lightxml_core.methods.lightxml.heads import ClusteredHead
from lightxml_core.methods.lightxml.prediction import load_model
from lightxml_core.methods.lightxml.settings import TableUpdates
from lightxml_core.methods.transformer.heads import FlatHead
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.training.devices import pick_device
from tests.helpers.planted import (
    FAST,
    MAX_TOKENS,
    Encoded,
    begun,
    documents,
    encoded,
    killed_at,
    log_lines,
    precision,
    trained,
)

# A GPU's sums, float16 and memory cannot be simulated; `make test` runs these tests on machines with a GPU.
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="compares a GPU with the processor: none is here")

TRAINING, TEST = 400, 100
FLAT = changed(FAST, epochs=10, precision="auto", prior_bias=True, standardise=True, warm_epochs=2, warm_lr=5e-3)
HEADS = {
    "flat": FLAT,
    "flat, upper layer": changed(FLAT, frozen_layers=1, keep_frozen=True),
    "clustered": changed(FLAT, head="clustered"),
    "clustered, row-sparse": changed(FLAT, head="clustered", table="row-sparse"),
    "flat, in-place": changed(FLAT, table="in-place"),
}


@pytest.fixture(autouse=True)
def whole_gpu() -> Iterator[None]:
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.set_float32_matmul_precision("highest")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    return encoded(tmp_path_factory.mktemp("corpus"), TRAINING, TEST)


@pytest.mark.parametrize(
    ("sampled", "updates"),
    [(True, "dense"), (True, "row-sparse"), (False, "dense")],
    ids=["sampled", "row-sparse", "all labels"],
)
def test_the_clustered_head_gives_the_same_on_gpu_and_cpu(sampled: bool, updates: TableUpdates) -> None:
    """Loss, gradients and labels."""
    torch.manual_seed(0)
    clusters = sparse.csr_matrix((np.ones(3_000), (np.arange(3_000), np.arange(3_000) % 70)), shape=(3_000, 70))
    assert_same_on_both(ClusteredHead(40, clusters, 24, 9, "sum", True, sampled, updates))


def test_the_flat_head_gives_the_same_on_gpu_and_cpu() -> None:
    """Loss, gradients and labels."""
    torch.manual_seed(0)
    assert_same_on_both(FlatHead(40, 3_000, "mean"))


def assert_same_on_both(head: Any) -> None:
    features = torch.randn(32, 40)
    labels = torch.randint(0, 3_000, (32, 5))
    positives = torch.arange(32).repeat_interleave(5), labels.flatten()
    on = {}
    for device in ("cpu", "cuda"):
        head = head.to(device)
        moved = features.to(device).requires_grad_()
        learnt = [p for p in (*head.parameters(), *head.blocks()) if p.requires_grad]
        loss = head.loss(moved, *(side.to(device) for side in positives)).total
        found = torch.autograd.grad(loss, [moved, *learnt], allow_unused=True)
        with torch.inference_mode():
            scores, best = head.top(moved, 20)
        on[device] = [loss, *(dense(grad) for grad in found if grad is not None), scores, best]
    assert len(on["cpu"]) == len(on["cuda"])
    for cpu, gpu in zip(on["cpu"], on["cuda"], strict=True):
        torch.testing.assert_close(gpu.cpu(), cpu, rtol=1e-4, atol=1e-6)


def dense(gradient: Tensor) -> Tensor:
    return gradient.to_dense() if gradient.is_sparse else gradient


@pytest.mark.parametrize("how", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("head", HEADS)
def test_it_learns_in_every_precision(
    head: str, how: Any, corpus: Encoded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its model predicts the same on the CPU."""
    settings = changed(HEADS[head], precision=how)
    on_gpu = trained(corpus, "bert", settings, tmp_path)
    assert load_model(tmp_path / "model")[0].mean.is_cuda and precision(on_gpu, corpus.Y_tst) > 90
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (tmp_path / "model").rename(tmp_path / "moved")
    on_cpu = cpu_scores(tmp_path / "moved", corpus)
    np.testing.assert_allclose(on_cpu.max(axis=1), on_gpu.toarray().max(axis=1), atol=2e-3 if how == "fp32" else 6e-2)
    assert abs(precision(sparse.csr_matrix(on_cpu), corpus.Y_tst) - precision(on_gpu, corpus.Y_tst)) <= 2


def cpu_scores(model: Path, corpus: Encoded) -> np.ndarray:
    assert pick_device().type == "cpu"
    return predict(model, corpus.test("bert"), 10).toarray()


@pytest.mark.parametrize("step", ["fast", "compiled"])
@pytest.mark.parametrize("head", ["flat", "flat, in-place", "clustered", "clustered, every label"])
def test_an_ordinary_step_never_waits_for_the_gpu(step: str, head: str, corpus: Encoded, tmp_path: Path) -> None:
    """torch raises an error at every wait. Compiling is over after the first epoch."""
    kind, _, how = head.partition(", ")
    settings = changed(FAST, head=kind, step=step, precision="bf16", epochs=2)
    settings = changed(
        settings,
        negatives="all" if how == "every label" else "dynamic",
        table="in-place" if how == "in-place" else "dense",
    )
    run = begun(corpus, "bert", settings, tmp_path)
    for batches in run.task.steps(0):
        run.take(0, run.prepare(batches))
    run.read()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batches in run.task.steps(1):
            run.take(1, run.prepare(batches))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    run.read()


@pytest.mark.parametrize("step", ["fast", "compiled"])
def test_the_first_losses_are_those_of_the_plain_step(step: str, corpus: Encoded, tmp_path: Path) -> None:
    """Without dropout, in float32."""
    settings = changed(FAST, head="clustered", precision="fp32", epochs=1, feature_dropout=0.0)
    losses = {}
    for how in ("plain", step):
        trained(corpus, "bert", changed(settings, step=how), tmp_path / how)
        losses[how] = [line["loss"] for line in log_lines(tmp_path / how) if line["kind"] == "step"]
    np.testing.assert_allclose(losses[step], losses["plain"], rtol=1e-3)


def test_packed_documents_have_the_losses_of_padded_ones(corpus: Encoded, tmp_path: Path) -> None:
    """Within the rounding of bfloat16: torch's attention for packed documents needs 16 bits."""
    settings = changed(FAST, head="clustered", precision="bf16", epochs=1, feature_dropout=0.0, step="fast")
    losses = {}
    for packing in (False, True):
        run = begun(corpus, "bert", changed(settings, packing=packing), tmp_path / str(packing))
        for batches in run.task.steps(0)[:5]:
            run.take(0, run.prepare(batches))
        assert isinstance(run.model, TextClassifier) and run.model.backbone.attends_within == packing
        losses[packing] = torch.stack([step.parts.sum() for step in run.unread]).tolist()
    np.testing.assert_allclose(losses[True], losses[False], rtol=2e-2)


@pytest.mark.parametrize("how", ["bf16", "fp16"])
def test_a_killed_run_resumes_to_the_end_of_the_undisturbed_run(how: Any, corpus: Encoded, tmp_path: Path) -> None:
    settings = changed(HEADS["clustered"], precision=how, checkpoint_minutes=0.0)
    whole = trained(corpus, "bert", settings, tmp_path / "whole")
    with killed_at(100):
        trained(corpus, "bert", settings, tmp_path / "killed")
    again = trained(corpus, "bert", settings, tmp_path / "killed")
    # sums on a GPU have no fixed order, so the bytes may differ
    assert len(log_lines(tmp_path / "killed")) == len(log_lines(tmp_path / "whole"))
    losses = [[line["loss"] for line in log_lines(tmp_path / name)] for name in ("killed", "whole")]
    np.testing.assert_allclose(*losses, rtol=0.1, atol=0.05)
    assert abs(precision(again, corpus.Y_tst) - precision(whole, corpus.Y_tst)) <= 2


def test_a_batch_too_large_for_the_gpu_is_split(
    corpus: Encoded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The test fills the real memory except 600 MiB; the batch needs about 1 GiB."""
    build_scratch(ScratchConfig("bert", 400, 512, 4, 8, MAX_TOKENS), documents(TRAINING, 1)[0], tmp_path / "bert")
    (tmp_path / "tokens-bert").symlink_to(corpus.folder / "tokens-bert")
    settings = changed(FLAT, epochs=1, warm_epochs=0, standardise=False, batch=TRAINING, bucket=1)
    torch.cuda.empty_cache()
    used = torch.cuda.memory_reserved() + 600 * 2**20
    torch.cuda.set_per_process_memory_fraction(used / torch.cuda.get_device_properties(0).total_memory)
    predictions = trained(replace(corpus, folder=tmp_path), "bert", settings, tmp_path)
    assert "memory is full at step 0: micro-batches are now split into" in caplog.text
    assert predictions.shape[0] == TEST and len([x for x in log_lines(tmp_path) if x["kind"] == "step"]) == 1
