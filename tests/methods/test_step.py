"""The fast training step never makes the processor wait for a GPU: it reads no value of a tensor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.utils import counters

from benchmarks.counting import counting
from lightxml_core.encoders import compilation
from lightxml_core.encoders.packing import Packing
from lightxml_core.encoders.tokens import tokenize
from lightxml_core.errors import InputError
from lightxml_core.methods import changed
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.methods.transformer import training
from lightxml_core.methods.transformer.inputs import Batch, widths_of
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.training.loop import TrainingRun
from lightxml_core.training.processes import Team
from tests.helpers.planted import FAST, LABELS, MAX_TOKENS, Encoded, begun, documents, encoded

STEPWISE = changed(FAST, step="fast", epochs=1)
CLUSTERED = changed(STEPWISE, head="clustered")
HEADS: dict[str, Settings] = {
    "flat": STEPWISE,
    "flat, hinge": changed(STEPWISE, loss="hinge"),
    "clustered": CLUSTERED,
    "clustered, released padding": changed(CLUSTERED, padding="edge", loss="mean"),
    "clustered, every label": changed(CLUSTERED, negatives="all"),
    "flat, in-place": changed(STEPWISE, table="in-place"),
    "clustered, in-place": changed(CLUSTERED, negatives="all", table="in-place"),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    """Its documents have 5 or 25 tokens."""
    found = encoded(tmp_path_factory.mktemp("corpus"), 64, 8, kinds=("bert", "roberta", "xlnet"))
    texts, _ = documents(64, 1)
    varied = [" ".join((text.split() * 2)[: 3 + 20 * (i % 2)]) for i, text in enumerate(texts)]
    for kind in ("bert", "roberta", "xlnet"):
        tokenize(varied, found.folder / kind, MAX_TOKENS, "plain", found.folder / f"tokens-{kind}", "trn")
    return found


@pytest.mark.parametrize("head", HEADS)
def test_an_ordinary_step_reads_nothing(head: str, corpus: Encoded, tmp_path: Path) -> None:
    run = begun(corpus, "bert", HEADS[head], tmp_path)
    assert reads_of_a_step(run) == {}
    run.read()
    assert all(torch.isfinite(p).all() for p in run.model.parameters())


@pytest.mark.parametrize("packing", [False, True], ids=["padded", "packed"])
@pytest.mark.parametrize("head", HEADS)
def test_the_operators_of_a_step_do_not_depend_on_values(
    head: str, packing: bool, corpus: Encoded, tmp_path: Path
) -> None:
    """Nor do the shapes of their arguments and results, so a step can be recorded once per shape of a batch."""
    how = changed(HEADS[head], schedule="constant", warmup_steps=0, packing=packing)
    run = begun(corpus, "bert", how, tmp_path)
    first = run.prepare(run.task.steps(0)[0])
    calls = []
    for number in range(3):  # the first one sets up the optimiser
        batches = replace(first, own=[(other_values(batch, number), count) for batch, count in first.own])
        with counting() as counts:
            run.take(0, batches)
        calls.append(counts.calls)
    losses = [float(step.parts.sum()) for step in run.unread]
    assert calls[1] == calls[2] and len(calls[1]) > 100 and len(set(losses)) == 3


def test_a_shape_that_depends_on_values_shows_in_the_calls() -> None:
    calls = []
    for values in ([0, 1, 1], [0, 0, 1]):
        with counting() as counts:
            torch.tensor(values).nonzero()
        calls.append(counts.calls)
    assert calls[0] != calls[1] and "nonzero" in counts.reads


def other_values(batch: Batch, number: int) -> Batch:
    """A batch of the same shape with other tokens, documents of other lengths and other labels."""
    ids = torch.where(batch.ids > 20, batch.ids - number, batch.ids)
    mask = batch.mask
    if isinstance(mask, Packing):
        moved = torch.zeros_like(mask.offsets).index_fill_(0, torch.tensor([1]), number)
        mask = mask._replace(document=mask.document.roll(number), offsets=mask.offsets + moved)
    elif mask is not None:
        mask = mask.roll(number, 0)
    return replace(batch, ids=ids, mask=mask, labels=(batch.labels + number) % LABELS)


@pytest.mark.parametrize("kind", ["roberta", "xlnet"])
def test_encoders_of_other_types_read_nothing(kind: Any, corpus: Encoded, tmp_path: Path) -> None:
    assert reads_of_a_step(begun(corpus, kind, STEPWISE, tmp_path)) == {}


def test_the_plain_step_reads_losses_and_norm(corpus: Encoded, tmp_path: Path) -> None:
    """Shows that reads are counted."""
    found = reads_of_a_step(begun(corpus, "bert", changed(STEPWISE, step="plain"), tmp_path))
    assert found["item"] >= 1 and found["tolist"] >= 1


def reads_of_a_step(run: TrainingRun) -> dict[str, int]:
    """In the second step; the first one sets up the optimiser. The batch is padded, and made outside."""
    first, second = (run.prepare(batch) for batch in run.task.steps(0)[:2])
    assert second.own[0][0].mask is not None
    run.take(0, first)
    with counting() as counts:
        run.take(0, second)
    return dict(counts.reads)


@pytest.mark.parametrize("encoder", ["trained", "frozen"])
def test_the_fast_step_updates_a_table_in_place_like_the_plain_one_and_skips_failed_steps(
    encoder: str, corpus: Encoded, tmp_path: Path
) -> None:
    """Steps 0 and 1 are compared. The features of step 2 are not a number, so that it and step 3 change nothing."""
    how = changed(HEADS["flat, in-place"], accumulate=2, feature_dropout=0.0)
    if encoder == "frozen":
        how = changed(how, frozen_layers=2)  # nothing is left that has a gradient
    found = {}
    for step in ("plain", "fast"):
        run = begun(corpus, "bert", changed(how, step=step), tmp_path / step)
        steps = [run.prepare(batches) for batches in run.task.steps(0)]
        for batches in steps[:2]:
            run.take(0, batches)
        found[step] = {name: value.clone() for name, value in run.model.state_dict().items()}
    for name, value in found["plain"].items():
        torch.testing.assert_close(found["fast"][name], value, rtol=1e-5, atol=1e-6)
    handle = run.model.backbone.register_forward_hook(lambda _module, _given, features: features * torch.nan)
    run.take(0, steps[2])
    handle.remove()
    run.take(0, steps[3])
    assert all(torch.equal(value, found["fast"][name]) for name, value in run.model.state_dict().items())
    with pytest.raises(InputError, match="not finite at step 2"):
        run.read()


@pytest.mark.parametrize(("kind", "micro", "packing"), [("bert", 1, False), ("roberta", 2, True)])
def test_the_compiled_step_gives_the_losses_of_the_plain_one_without_recompiling(
    kind: str, micro: int, packing: bool, corpus: Encoded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documents of the compiled step are padded or packed. Every shape has occurred after the first epoch.

    There is no dropout, because a compiled step draws it in another order.
    """
    monkeypatch.setattr(compilation, "BACKEND", "eager")  # traces as always, and leaves out the slow compiler
    counters.clear()
    how = changed(CLUSTERED, epochs=2, accumulate=micro, feature_dropout=0.0)
    found = {}
    for step in ("compiled", "plain"):
        run = begun(corpus, kind, changed(how, step=step, packing=packing and step == "compiled"), tmp_path / step)
        packed = [isinstance(batch.mask, Packing) for batch, _ in run.prepare(run.task.steps(0)[0]).own]
        assert packed == [packing and step == "compiled"] * micro
        graphs = []
        for epoch in (0, 1):
            for batches in run.task.steps(epoch):
                run.take(epoch, run.prepare(batches))
            run.read()
            graphs.append(counters["stats"]["unique_graphs"])
        lines = (tmp_path / step / "log.jsonl").read_text(encoding="utf-8").splitlines()
        found[step] = [json.loads(line)["loss"] for line in lines]
        assert graphs[0] == graphs[1] > 0 and not counters["graph_break"]
    assert found["compiled"] == pytest.approx(found["plain"], rel=1e-4)


def test_what_cannot_be_packed_is_padded(corpus: Encoded, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run = begun(corpus, "xlnet", changed(STEPWISE, packing=True), tmp_path)
    batch, _ = run.prepare(run.task.steps(0)[0]).own[0]
    assert isinstance(batch.mask, torch.Tensor) and caplog.text.count("documents are padded, not packed") == 1


def test_each_process_compiles_for_its_share_of_a_batch(
    corpus: Encoded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "team", lambda: Team(1, 2))
    run = begun(corpus, "bert", changed(STEPWISE, step="compiled", batch=16, accumulate=2), tmp_path)
    assert isinstance(run.model, TextClassifier) and run.model.backbone.compiled is not None
    assert run.model.backbone.compiled.batch == 4


def fail(*_: Any) -> Any:
    raise RuntimeError("no compiler here\nand more")


FAILURES: dict[str, dict[str, Any]] = {
    "forward": {"BACKEND": fail},
    "backward": {"BACKEND": aot_autograd(fw_compiler=lambda graph, _: graph, bw_compiler=fail)},
    "the second length": {"BACKEND": "eager", "_SHAPES": 1},
}


@pytest.mark.parametrize("where", FAILURES)
def test_a_compiler_that_fails_leaves_the_encoder_as_it_is(
    where: str, corpus: Encoded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in FAILURES[where].items():
        monkeypatch.setattr(compilation, name, value)
    torch._dynamo.reset()
    with torch._dynamo.config.patch(recompile_limit=1):
        run = begun(corpus, "bert", changed(STEPWISE, step="compiled"), tmp_path)
        for batches in run.task.steps(0):
            run.take(0, run.prepare(batches))
        run.read()
    assert caplog.text.count("the encoder is not compiled, because that failed") == 1
    assert all(torch.isfinite(p).all() for p in run.model.parameters())


@given(lengths=st.lists(st.integers(1, 512), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_few_widths_hold_documents_of_every_length(lengths: list[int]) -> None:
    widths = widths_of(np.array(lengths))
    assert 1 <= len(widths) <= 8 and widths == sorted(set(widths)) and all(width % 8 == 0 for width in widths)
    assert max(lengths) <= widths[-1] < max(lengths) + 8
