"""The training loop: killed runs end in the same bytes; schedules, averages and groups agree with hand counts."""

from __future__ import annotations

import json
import logging
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lightxml_core.errors import InputError
from lightxml_core.training.batches import epoch_batches, step_groups
from lightxml_core.training.checkpoint import Checkpoint, fingerprint
from lightxml_core.training.log import Progress, TrainingLog
from lightxml_core.training.loop import Task, last_step, train
from lightxml_core.training.optimisers import adamw
from lightxml_core.training.schedule import Evaluation, Plan, Schedule, StepDecay, WeightAveraging

DOCUMENTS, NEVER, ALWAYS = 24, 1e9, 0.0
PLAN = Plan("tiny", seed=3, epochs=3, checkpoint_minutes=NEVER)
Hook = Callable[[], None]


@dataclass(frozen=True)
class Loss:
    total: Tensor
    parts: dict[str, Tensor]


class Tiny(nn.Module):
    """The model that the loop trains here: a regression with dropout."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(11)
        self.X = torch.randn(DOCUMENTS, 5, generator=generator)
        self.Y = torch.randn(DOCUMENTS, 2, generator=generator)
        torch.manual_seed(7)
        self.layers = nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Dropout(dropout), nn.Linear(4, 2))

    def loss(self, rows: np.ndarray) -> Loss:
        error = ((self.layers(self.X[rows]) - self.Y[rows]) ** 2).mean()
        return Loss(error, {"error": error})


def nothing() -> None:
    """The hook of an undisturbed run."""


def task(
    dropout: float = 0.5,
    batch: int = 8,
    accumulate: int = 1,
    select: bool = False,
    hook: Hook = nothing,
    scores: Sequence[float] | None = None,
    lr: float = 0.05,
) -> Task:
    """A task on the tiny model; `hook` runs before every loss and every evaluation, `scores` replaces the score."""
    model = Tiny(dropout)
    given_scores = iter(scores or [])

    def steps(epoch: int) -> list[list[np.ndarray]]:
        batches = epoch_batches(np.zeros(DOCUMENTS), batch // accumulate, 5, epoch, 1)
        return [[batches[i] for i in group] for group in step_groups(len(batches), accumulate, False)]

    def loss(rows: np.ndarray, epoch: int) -> Loss:
        hook()
        return model.loss(rows)

    def evaluate(module: nn.Module) -> dict[str, float]:
        hook()
        assert isinstance(module, Tiny) and not module.training
        error = ((module.layers(module.X) - module.Y) ** 2).mean().item()
        return {"P@5": next(given_scores) if scores else -error}

    groups = [{"params": list(model.parameters()), "lr": lr, "weight_decay": 0.01}]
    return Task(model, adamw(groups), steps, loss, evaluate if select else None)


def run(folder: Path, plan: Plan, build: Callable[[], Task]) -> dict[str, Tensor]:
    """The run of one process: open the checkpoint, continue the log, train; returns the kept weights."""
    checkpoint = Checkpoint(folder / "checkpoint", fingerprint(replace(plan, checkpoint_minutes=0.0), [], []))
    log = TrainingLog(folder / "training.jsonl", last_step(checkpoint))
    made = build()
    try:
        train(made, plan, checkpoint, log)
    finally:
        log.close()
    return {name: value.clone() for name, value in made.model.state_dict().items()}


def logged(folder: Path) -> list[dict[str, Any]]:
    """The training log without the value that depends on time."""
    lines = [json.loads(line) for line in (folder / "training.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "documents_per_second"} for line in lines]


def identical(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class KilledError(Exception):
    """The process is killed."""


class Fuse:
    """Counts the points at which the run could be killed, and kills it at one of them."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KilledError


SHORT = replace(PLAN, epochs=2)
RECIPES: dict[str, tuple[Plan, dict[str, Any]]] = {
    "accumulated, clipped, linear": (replace(SHORT, rates=Schedule("linear", 4), clip=0.1), {"accumulate": 2}),
    "averaged": (replace(SHORT, averaging=WeightAveraging(0, 2)), {}),
    "averaged and selected": (replace(SHORT, averaging=WeightAveraging(1, 1)), {"select": True}),
    "clipped to the last norms, out of patience": (
        replace(SHORT, clip_relative=0.5, evaluation=Evaluation(1), patience=2),
        {"select": True, "lr": 1.0},
    ),
    "released code": (
        replace(
            SHORT,
            evaluation=Evaluation(2, select_mid_epoch=False, dropout_off_after_evaluation=True),
            averaging=WeightAveraging(1, 3),
            counted="micro-batches",
        ),
        {"select": True, "accumulate": 2},
    ),
    "float16": (replace(SHORT, dtype=torch.float16), {}),
    "fast": (
        replace(SHORT, step="fast", clip_relative=0.5, averaging=WeightAveraging(0, 2), evaluation=Evaluation(2)),
        {"select": True, "accumulate": 2},
    ),
}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip flushing to disk, because these tests interrupt functions, not the machine."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.mark.parametrize("minutes", [ALWAYS, NEVER], ids=["saved at every step", "saved at the ends of epochs"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_killed_anywhere_it_resumes_to_the_same_bytes(
    recipe: str, minutes: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, options = RECIPES[recipe]
    plan = replace(plan, checkpoint_minutes=minutes)
    undisturbed = run(tmp_path / "whole", plan, lambda: task(**options))
    fuse = Fuse(0)  # the task's hook also calls it before every loss and evaluation

    def fused(original: Any) -> Any:
        def after_the_fuse(*arguments: Any) -> Any:
            fuse()
            return original(*arguments)

        return after_the_fuse

    monkeypatch.setattr(Progress, "advance", fused(Progress.advance))
    monkeypatch.setattr(Checkpoint, "save", fused(Checkpoint.save))
    for place in count():
        folder, fuse.left = tmp_path / str(place), place
        try:
            run(folder, plan, lambda: task(hook=fuse, **options))
            break  # the run ended before the fuse
        except KilledError:
            fuse.left = 10**6
        assert identical(run(folder, plan, lambda: task(hook=fuse, **options)), undisturbed), place
        assert logged(folder) == logged(tmp_path / "whole"), place
    steps = max(line["step"] for line in logged(tmp_path / "whole"))
    lines = 1 if plan.step == "fast" else 2  # each step has a loss, and a progress line unless it is read later
    assert place >= lines * steps >= lines * 3


def test_a_run_killed_repeatedly_still_finishes(tmp_path: Path) -> None:
    plan = replace(PLAN, averaging=WeightAveraging(1, 1), checkpoint_minutes=ALWAYS)
    options: dict[str, Any] = {"select": True, "accumulate": 2}
    undisturbed = run(tmp_path / "whole", plan, lambda: task(**options))
    for lives in count(1):
        try:
            weights = run(tmp_path / "dying", plan, lambda: task(hook=Fuse(4), **options))
            break
        except KilledError:
            assert lives < 20
    assert lives > 3 and identical(weights, undisturbed)
    assert logged(tmp_path / "dying") == logged(tmp_path / "whole")


def test_dropout_is_active_and_depends_on_the_seed(tmp_path: Path) -> None:
    once, other, off = (
        run(tmp_path / name, plan, lambda share=share: task(dropout=share))
        for name, plan, share in (("a", PLAN, 0.5), ("b", replace(PLAN, seed=4), 0.5), ("c", PLAN, 0.0))
    )
    assert not identical(once, other) and not identical(once, off)


@pytest.mark.parametrize("accumulate", [2, 3, 8])
def test_micro_batches_add_up_to_the_batch(accumulate: int, tmp_path: Path) -> None:
    """Batch 24 / 5: the last of the micro-batches is smaller than the others and has less weight."""
    plan = replace(PLAN, clip=1.0)
    whole = run(tmp_path / "whole", plan, lambda: task(dropout=0.0, batch=DOCUMENTS))
    parts = run(tmp_path / "parts", plan, lambda: task(dropout=0.0, batch=DOCUMENTS, accumulate=accumulate))
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], rtol=1e-4, atol=1e-5)
    losses = [[line["loss"] for line in logged(tmp_path / name)] for name in ("whole", "parts")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_a_smaller_last_micro_batch_is_weighted_by_its_documents(tmp_path: Path) -> None:
    def uneven() -> Task:
        made, rows = task(dropout=0.0), np.arange(DOCUMENTS)
        return replace(made, steps=lambda epoch: [[rows[:10], rows[10:20], rows[20:]]])

    whole = run(tmp_path / "whole", PLAN, lambda: task(dropout=0.0, batch=DOCUMENTS))
    for name, value in run(tmp_path / "uneven", PLAN, uneven).items():
        torch.testing.assert_close(value, whole[name], rtol=1e-4, atol=1e-5)


@given(micro=st.integers(1, 40), accumulate=st.integers(1, 9), off_by_one=st.booleans())
@settings(max_examples=60, deadline=None)
def test_step_groups_contain_every_micro_batch_once_in_order(micro: int, accumulate: int, off_by_one: bool) -> None:
    """The released code steps after micro-batch i (from 0) if i % accumulate is 0; correct is (i + 1) % accumulate."""
    groups: list[list[int]] = [[]]
    for i in range(micro):
        groups[-1].append(i)
        if (i if off_by_one else i + 1) % accumulate == 0:
            groups.append([])
    assert [list(group) for group in step_groups(micro, accumulate, off_by_one)] == [group for group in groups if group]


@pytest.mark.parametrize(
    ("schedule", "warm", "expected"),
    [
        ("constant", 0, [8, 8, 8, 8, 8, 8]),
        ("constant", 4, [2, 4, 6, 8, 8, 8]),
        ("linear", 0, [8, 8 * 5 / 6, 8 * 4 / 6, 8 * 3 / 6, 8 * 2 / 6, 8 * 1 / 6]),
        ("linear", 2, [4, 8, 8, 6, 4, 2]),
        ("linear", 6, [8 / 6, 16 / 6, 4, 32 / 6, 40 / 6, 8]),
    ],
)
def test_learning_rates_by_hand(schedule: Any, warm: int, expected: list[float], tmp_path: Path) -> None:
    plan = replace(PLAN, epochs=2, rates=Schedule(schedule, warm))
    run(tmp_path, plan, lambda: task(lr=8.0))
    lines = [line for line in logged(tmp_path) if line["kind"] == "step"]
    assert [line["lr"] for line in lines] == pytest.approx(expected)
    assert [(line["step"], line["epoch"]) for line in lines] == [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1), (6, 1)]


@pytest.mark.parametrize("clip", [0.0, 1e-3, 1e6])
def test_a_gradient_above_the_clip_is_scaled_down_to_it(clip: float, tmp_path: Path) -> None:
    def descending() -> Task:
        made = task(dropout=0.0, batch=DOCUMENTS)
        group = {"params": list(made.model.parameters()), "lr": 1.0, "base_lr": 1.0}
        return replace(made, optimizer=torch.optim.SGD([group]))

    start = Tiny(0.0)
    start.loss(np.arange(DOCUMENTS)).total.backward()
    slopes = {name: value.grad for name, value in start.named_parameters() if value.grad is not None}
    length = math.sqrt(sum(float((slope**2).sum()) for slope in slopes.values()))
    assert 0.01 < length < 100
    factor = 1e-3 / length if clip == 1e-3 else 1.0
    end = run(tmp_path, replace(PLAN, epochs=1, clip=clip), descending)
    for name, value in start.state_dict().items():
        torch.testing.assert_close(value - end[name], factor * slopes[name], rtol=1e-2, atol=1e-6)


def test_relative_clipping_uses_the_largest_of_five_norms(tmp_path: Path) -> None:
    """Against the released code's queue of five, which starts with one infinite norm."""

    def descending() -> Task:
        made = task(dropout=0.0, batch=DOCUMENTS, lr=1.0)
        group = {"params": list(made.model.parameters()), "lr": 0.5, "base_lr": 0.5}
        return replace(made, optimizer=torch.optim.SGD([group]))

    ends = [
        run(tmp_path / str(epochs), replace(PLAN, epochs=epochs, clip_relative=0.5), descending) for epochs in range(9)
    ]
    queue = deque([math.inf], maxlen=5)
    for before, after in pairwise(ends):
        model = Tiny(0.0)
        model.load_state_dict(before)
        model.loss(np.arange(DOCUMENTS)).total.backward()
        norm = math.sqrt(sum(float((p.grad**2).sum()) for p in model.parameters() if p.grad is not None))
        went = math.sqrt(sum(float(((before[name] - after[name]) ** 2).sum()) for name in before)) / 0.5
        assert went == pytest.approx(min(norm, 0.5 * max(queue)), rel=1e-3)
        queue.append(min(norm, 2 * max(queue), 1.0))
    assert went < 0.9 * norm  # the last steps were scaled down


def test_rates_decay_at_the_start_of_the_given_epochs(tmp_path: Path) -> None:
    plan = replace(PLAN, epochs=4, rates=StepDecay(0.5, (1, 3)))
    run(tmp_path, plan, lambda: task(lr=8.0))
    rates = [line["lr"] for line in logged(tmp_path) if line["kind"] == "step"]
    assert rates == [8.0] * 3 + [4.0] * 6 + [2.0] * 3


def test_training_stops_when_patience_is_exhausted(tmp_path: Path) -> None:
    """Patience counts evaluations without an improvement."""
    scores = [1.0, 3.0, 2.0, 3.0, 9.0, 9.0]
    run(tmp_path, replace(PLAN, epochs=6, patience=2), lambda: task(select=True, scores=scores))
    assert [line["validation"]["P@5"] for line in logged(tmp_path) if line["kind"] == "epoch"] == scores[:4]


def weights_after_each_step(folder: Path, plan: Plan, **options: Any) -> list[dict[str, Tensor]]:
    """The weights of an undisturbed run without averaging after steps 0 (the start), 1, 2, …"""
    seen: list[dict[str, Tensor]] = []

    def watched() -> Task:
        made = task(**options)
        model = made.model
        assert isinstance(model, Tiny)

        def loss(rows: np.ndarray, epoch: int) -> Loss:
            seen.append({name: value.clone() for name, value in model.state_dict().items()})
            return model.loss(rows)

        return replace(made, loss=loss)

    last = run(folder, plan, watched)
    return [*seen, last]


@pytest.mark.parametrize(
    ("first_epoch", "every", "steps"), [(0, 1, range(10)), (1, 2, [3, 4, 6, 8]), (2, 4, [6, 8]), (3, 1, [9])]
)
def test_the_kept_weights_are_the_mean_of_the_averaged_ones(
    first_epoch: int, every: int, steps: Sequence[int], tmp_path: Path
) -> None:
    """9 steps in 3 epochs; the first weights are those that the first epoch starts with; without any, the last."""
    trail = weights_after_each_step(tmp_path / "plain", PLAN)
    found = run(tmp_path / "mean", replace(PLAN, averaging=WeightAveraging(first_epoch, every)), task)
    for name, value in found.items():
        mean = torch.stack([trail[step][name] for step in steps]).mean(0)
        torch.testing.assert_close(value, mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("averaging_step", [0, 1], ids=["last weights", "averaged weights"])
def test_selection_keeps_the_first_best_weights(averaging_step: int, tmp_path: Path) -> None:
    scores = [1.0, 5.0, 2.0, 5.0]
    plan = replace(PLAN, epochs=4, averaging=WeightAveraging(0, averaging_step))
    found = run(tmp_path / "selected", plan, lambda: task(select=True, scores=scores))
    until_best = run(tmp_path / "two", replace(plan, epochs=2), task)
    assert identical(found, until_best)
    told = [line["validation"]["P@5"] for line in logged(tmp_path / "selected") if line["kind"] == "epoch"]
    assert told == scores


def test_averages_count_micro_batches_if_the_plan_says_so(tmp_path: Path) -> None:
    """2 micro-batches per step, 6 per epoch. Every third: numbers 0 and 3, in steps 1 and 2 of each epoch."""
    plan = replace(PLAN, averaging=WeightAveraging(1, 3), counted="micro-batches")
    trail = weights_after_each_step(tmp_path / "plain", PLAN, accumulate=2)[::2]  # recorded at each micro-batch
    found = run(tmp_path / "mean", plan, lambda: task(accumulate=2))
    for name, value in found.items():
        mean = torch.stack([trail[step][name] for step in (3, 4, 5, 7, 8)]).mean(0)
        torch.testing.assert_close(value, mean, rtol=1e-5, atol=1e-6)


def test_evaluations_count_micro_batches_and_need_not_select(tmp_path: Path) -> None:
    """Micro-batch 2 of 0 to 5 is in step 2, micro-batch 4 in step 3, the last; number 0 evaluates nothing."""
    plan = replace(PLAN, epochs=2, evaluation=Evaluation(2, select_mid_epoch=False), counted="micro-batches")
    scores = [9.0, 1.0, 9.0, 2.0]
    kept = run(tmp_path / "run", plan, lambda: task(accumulate=2, select=True, scores=scores))
    assert [line["step"] for line in logged(tmp_path / "run") if line["kind"] == "epoch"] == [2, 3, 5, 6]
    assert identical(kept, run(tmp_path / "last", replace(PLAN, epochs=2), lambda: task(accumulate=2)))


@pytest.mark.parametrize(
    ("each_epoch", "every", "expected"),
    [(True, 2, [2, 3, 4, 6, 8, 9]), (False, 2, [2, 4, 6, 8]), (False, 100, [9]), (False, 9, [9])],
)
def test_weights_are_selected_even_without_evaluation_at_the_end_of_epochs(
    each_epoch: bool, every: int, expected: list[int], tmp_path: Path
) -> None:
    plan = replace(PLAN, epochs=3, evaluation=Evaluation(every), evaluate_epochs=each_epoch)
    run(tmp_path, plan, lambda: task(select=True))
    assert [line["step"] for line in logged(tmp_path) if line["kind"] == "epoch"] == expected


def test_a_step_that_overflows_in_float16_is_skipped(tmp_path: Path) -> None:
    """The first loss, scaled by 2^16, has gradients above float16's largest number, so the scale is reduced."""

    def steep() -> Task:
        made, calls = task(dropout=0.0, batch=DOCUMENTS), count()
        model = made.model
        assert isinstance(model, Tiny)

        def loss(rows: np.ndarray, epoch: int) -> Loss:
            found = model.loss(rows)
            factor = 1e36 if next(calls) == 0 else 1.0
            return Loss(found.total * factor, {"error": found.total})

        return replace(made, loss=loss)

    start = run(tmp_path / "none", replace(PLAN, epochs=0), steep)
    one = run(tmp_path / "one", replace(PLAN, epochs=1, dtype=torch.float16), steep)
    two = run(tmp_path / "two", replace(PLAN, epochs=2, dtype=torch.float16), steep)
    assert identical(start, one) and not identical(one, two)
    assert all(value.isfinite().all() for value in two.values())


def test_evaluations_within_an_epoch_come_after_the_given_steps(tmp_path: Path) -> None:
    run(tmp_path, replace(PLAN, evaluation=Evaluation(2)), lambda: task(select=True))
    assert [line["step"] for line in logged(tmp_path) if line["kind"] == "epoch"] == [2, 3, 4, 6, 8, 9]


@pytest.mark.parametrize("off", [False, True])
def test_dropout_stays_off_after_an_evaluation_if_planned(off: bool, tmp_path: Path) -> None:
    """This applies only after an evaluation within an epoch."""
    modes: list[bool] = []

    def watched() -> Task:
        made = task(select=True)
        loss = made.loss

        def noting(rows: np.ndarray, epoch: int) -> Any:
            modes.append(made.model.training)
            return loss(rows, epoch)

        return replace(made, loss=noting)

    run(tmp_path, replace(PLAN, epochs=2, evaluation=Evaluation(2, dropout_off_after_evaluation=off)), watched)
    assert modes == ([True, True, False, True, False, False] if off else [True] * 6)


def broken(at: int, how: str) -> Task:
    """From the given step on (counted from 0), the loss or only its gradient is not a number."""
    made, step = task(), count()
    model = made.model
    assert isinstance(model, Tiny)

    def loss(rows: np.ndarray, epoch: int) -> Loss:
        fine = model.loss(rows)
        if next(step) < at:
            return fine
        if how == "loss":
            return Loss(fine.total * math.nan, {"error": fine.total * math.nan})
        root = (fine.total * 0.0).sqrt()  # the root of 0 is 0, its slope infinite
        return Loss(fine.total + root, {"error": fine.total + root})

    return replace(made, loss=loss)


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_a_loss_that_is_not_finite_keeps_the_last_checkpoint(how: str, tmp_path: Path) -> None:
    """The run stops."""
    plan = replace(PLAN, checkpoint_minutes=ALWAYS, averaging=WeightAveraging(0, 1))
    with pytest.raises(InputError, match=r"tiny: .* not finite at step 5 .*checkpoint is kept"):
        run(tmp_path / "broken", plan, lambda: broken(5, how))
    checkpoint = Checkpoint(tmp_path / "broken/checkpoint", fingerprint(replace(plan, checkpoint_minutes=0.0), [], []))
    assert last_step(checkpoint) == 5
    found = checkpoint.load("last")
    assert found is not None and all(value.isfinite().all() for value in found[0].values())
    assert identical(run(tmp_path / "broken", plan, task), run(tmp_path / "whole", plan, task))


FINITE: dict[str, Plan] = {
    "clipped": replace(PLAN, clip=0.1, rates=Schedule("linear", 4)),
    "clipped to the last norms": replace(PLAN, clip_relative=0.5, epochs=5),
    "averaged": replace(PLAN, averaging=WeightAveraging(0, 2)),
}


@pytest.mark.parametrize("plan", FINITE.values(), ids=FINITE)
def test_the_fast_step_gives_the_weights_of_the_plain_one(plan: Plan, tmp_path: Path) -> None:
    """It also gives the same losses, and one line of the log per step."""
    plain, fast = (run(tmp_path / how, replace(plan, step=how), task) for how in ("plain", "fast"))
    for name, value in plain.items():
        torch.testing.assert_close(fast[name], value, rtol=1e-5, atol=1e-7)
    lines, others = logged(tmp_path / "fast"), logged(tmp_path / "plain")
    assert [line.pop("loss") for line in lines] == pytest.approx([line.pop("loss") for line in others], rel=1e-5)
    assert [{**line, "error": 0} for line in lines] == [{**line, "error": 0} for line in others]


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_the_fast_step_skips_a_loss_that_is_not_finite_and_stops_later(how: str, tmp_path: Path) -> None:
    """Step 4 of 0 to 8 fails; losses are read at the end of the epoch, after step 5."""
    plan, made = replace(PLAN, step="fast", clip=0.1), broken(4, how)
    with pytest.raises(InputError, match=r"not finite at step 4 .*checkpoint is kept"):
        run(tmp_path / "broken", plan, lambda: made)
    before = weights_after_each_step(tmp_path / "plain", replace(plan, step="plain"))[4]
    for name, value in made.model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=1e-5, atol=1e-7)
    assert [line["step"] for line in logged(tmp_path / "broken")] == [1, 2, 3, 4]
    checkpoint = Checkpoint(tmp_path / "broken/checkpoint", fingerprint(replace(plan, checkpoint_minutes=0.0), [], []))
    assert last_step(checkpoint) == 3


def short_of_memory(limit: int) -> Task:
    """A device with memory for `limit` documents at once."""
    made = task(dropout=0.0, batch=DOCUMENTS)

    def loss(rows: np.ndarray, epoch: int) -> Any:
        if len(rows) > limit:
            raise torch.OutOfMemoryError(f"no room for {len(rows)} documents")
        return made.loss(rows, epoch)

    return replace(made, loss=loss)


@pytest.mark.parametrize(("limit", "pieces"), [(23, 2), (7, 4), (1, 32)])
def test_a_batch_is_split_when_the_memory_is_full(
    limit: int, pieces: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The result stays the same."""
    plan = replace(PLAN, clip=1.0)
    whole = run(tmp_path / "whole", plan, lambda: task(dropout=0.0, batch=DOCUMENTS))
    with caplog.at_level(logging.WARNING):  # batches that are made ahead must be made again
        small = run(tmp_path / "small", replace(plan, step="fast"), lambda: short_of_memory(limit))
    for name in whole:
        torch.testing.assert_close(small[name], whole[name], rtol=1e-4, atol=1e-5)
    assert f"memory is full at step 0: micro-batches are now split into {pieces} pieces" in caplog.text
    assert caplog.text.count("memory is full") == round(math.log2(pieces))  # kept for the following steps


def test_no_memory_for_a_single_document_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="memory is too small for one document at step 0: lower `max_tokens`"):
        run(tmp_path, PLAN, lambda: short_of_memory(0))


def interrupted(folder: Path, plan: Plan) -> None:
    with pytest.raises(KilledError):
        run(folder, plan, lambda: task(hook=Fuse(5)))
    assert (folder / "checkpoint/last.safetensors").is_file()


def test_a_checkpoint_of_other_settings_is_reported_and_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    interrupted(tmp_path / "run", PLAN)
    other = replace(PLAN, clip=0.5)
    with caplog.at_level(logging.WARNING):
        found = run(tmp_path / "run", other, task)
    assert "last.safetensors was saved with other settings, data or code: training starts from scratch" in caplog.text
    assert identical(found, run(tmp_path / "fresh", other, task))
    assert logged(tmp_path / "run") == logged(tmp_path / "fresh")


@pytest.mark.parametrize("left", [0, 7, 200, -1], ids=["empty", "in its length", "in its header", "in its last byte"])
def test_a_truncated_checkpoint_is_reported_and_not_used(
    left: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    interrupted(tmp_path / "run", PLAN)
    path = tmp_path / "run/checkpoint/last.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    with caplog.at_level(logging.WARNING):
        found = run(tmp_path / "run", PLAN, task)
    assert "last.safetensors is damaged" in caplog.text and "training starts from scratch" in caplog.text
    assert identical(found, run(tmp_path / "fresh", PLAN, task))


@pytest.mark.parametrize("at", [0.3, 0.5, 0.999])
def test_a_checkpoint_with_one_wrong_bit_is_not_used(
    at: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    interrupted(tmp_path / "run", PLAN)
    path = tmp_path / "run/checkpoint/last.safetensors"
    content = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    content[header + int(at * (len(content) - header))] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        found = run(tmp_path / "run", PLAN, task)
    assert "digest" in caplog.text and "training starts from scratch" in caplog.text
    assert identical(found, run(tmp_path / "fresh", PLAN, task))


def test_a_run_without_resume_discards_the_checkpoint(tmp_path: Path) -> None:
    interrupted(tmp_path, PLAN)
    assert last_step(Checkpoint(tmp_path / "checkpoint", "", resume=False)) is None
    assert not (tmp_path / "checkpoint").exists()


def test_a_full_disk_keeps_the_older_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(tmp_path, "run")
    checkpoint.save("last", {"w": torch.ones(3)}, {"step": 1})

    def full(tensors: Any, target: Path, metadata: Any) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save("last", {"w": torch.zeros(3)}, {"step": 2})
    found = checkpoint.load("last")
    assert found is not None and found[0]["w"].tolist() == [1, 1, 1] and found[1] == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.safetensors"]


def test_every_part_of_a_run_changes_its_fingerprint(tmp_path: Path) -> None:
    code, longer = tmp_path / "a.py", tmp_path / "b.py"
    code.write_text("x", encoding="utf-8")
    longer.write_text("y", encoding="utf-8")
    ids = np.arange(6, dtype=np.int32)

    def variants() -> Iterator[str]:
        yield fingerprint(PLAN, [ids], [code])
        yield fingerprint(replace(PLAN, seed=4), [ids], [code])
        yield fingerprint(PLAN, [ids[::-1]], [code])
        yield fingerprint(PLAN, [ids.reshape(2, 3)], [code])
        yield fingerprint(PLAN, [ids.astype(np.int64)], [code])
        yield fingerprint(PLAN, [ids], [code, longer])

    found = list(variants())
    assert len(set(found)) == len(found) and found[0] == fingerprint(
        Plan("tiny", seed=3, epochs=3, checkpoint_minutes=NEVER), [ids.copy()], [code]
    )


@given(
    documents=st.integers(1, 200),
    batch=st.integers(1, 17),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 100),
    bucket=st.integers(1, 6),
)
@settings(max_examples=80, deadline=None)
def test_an_epoch_contains_every_document_once(documents: int, batch: int, seed: int, epoch: int, bucket: int) -> None:
    lengths = np.random.default_rng(seed).integers(1, 50, documents)
    batches = epoch_batches(lengths, batch, seed, epoch, bucket)
    assert sorted(np.concatenate(batches).tolist()) == list(range(documents))
    sizes = [len(rows) for rows in batches]
    assert sorted(sizes, reverse=True)[:-1] == [batch] * (len(sizes) - 1) and 1 <= min(sizes) <= batch
    again = epoch_batches(lengths, batch, seed, epoch, bucket)
    assert all((a == b).all() for a, b in zip(batches, again, strict=True))


def test_the_order_changes_with_the_seed_and_the_epoch() -> None:
    lengths = np.arange(1, 1001)
    orders = {
        np.concatenate(epoch_batches(lengths, 8, seed, epoch, bucket)).tobytes()
        for seed in (0, 1)
        for epoch in (0, 1)
        for bucket in (1, 10)
    }
    assert len(orders) == 8


@pytest.mark.parametrize("seed", range(3))
def test_buckets_keep_padding_small_and_the_order_random(seed: int) -> None:
    lengths = np.minimum(np.exp(np.random.default_rng(seed).normal(4.5, 0.8, 20_000)).astype(np.int64) + 2, 512)

    def computed(bucket: int) -> tuple[int, list[int]]:
        longest = [int(lengths[rows].max()) for rows in batches(bucket)]
        return sum(width * len(rows) for width, rows in zip(longest, batches(bucket), strict=True)), longest

    def batches(bucket: int) -> list[np.ndarray]:
        return epoch_batches(lengths, 16, seed, 0, bucket)

    bucketed, order = computed(50)
    assert bucketed <= 1.1 * lengths.sum() < computed(1)[0]
    # the lengths of neighbouring batches differ: long and short batches are mixed
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.1


def test_a_resumed_log_ends_at_the_checkpoint(tmp_path: Path) -> None:
    """Later lines and truncated ones are dropped."""
    path = tmp_path / "deep/training.jsonl"
    first = TrainingLog(path, None)
    first.write("phase", 0, loss=1.0)
    for step in range(1, 5):
        first.write("step", step, loss=1.0 / step)
    first.close()
    with path.open("a", encoding="utf-8") as damaged:
        damaged.write('{"kind": "step", "st')
    resumed = TrainingLog(path, 2)
    resumed.write("step", 3, loss=9.0)
    resumed.close()
    assert [(line["kind"], line["step"], line["loss"]) for line in logged(tmp_path / "deep")] == [
        ("phase", 0, 1.0),
        ("step", 1, 1.0),
        ("step", 2, 0.5),
        ("step", 3, 9.0),
    ]
    TrainingLog(path, None).close()
    assert path.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("resumed_after", [None, 7])
def test_adamw_with_uncorrected_eps_is_transformers_2_11s(resumed_after: int | None) -> None:
    """The reference follows the formula: eps is added to the root of the uncorrected second moment."""
    torch.manual_seed(0)
    start, gradients = torch.randn(5, dtype=torch.float64), torch.randn(30, 5, dtype=torch.float64) * 1e-6
    lr, eps, beta1, beta2 = 1e-3, 1e-6, 0.9, 0.999
    expected, m, v = start.clone(), torch.zeros(5), torch.zeros(5)
    for t, gradient in enumerate(gradients, 1):
        m, v = beta1 * m + (1 - beta1) * gradient, beta2 * v + (1 - beta2) * gradient**2
        rate = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        expected -= rate * m / (v.sqrt() + eps)
    found = {}
    for corrected in (False, True):
        parameter = nn.Parameter(start.clone())
        options: dict[str, Any] = {"eps": eps, "eps_corrected": corrected}
        optimizer = adamw([{"params": [parameter], "lr": lr, "weight_decay": 0.0}], **options)
        for t, gradient in enumerate(gradients):
            if t == resumed_after:
                state = optimizer.state_dict()["state"]
                optimizer = adamw([{"params": [parameter], "lr": lr, "weight_decay": 0.0}], **options)
                optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
            parameter.grad = gradient.clone()
            optimizer.step()
        found[corrected] = parameter.detach()
    assert torch.allclose(found[False], expected, rtol=0, atol=1e-12)
    table = nn.Embedding(5, 1, sparse=True, dtype=torch.float64)  # SparseAdam itself does not correct it
    table.weight.data.copy_(start[:, None])
    dense = nn.Parameter(start.clone())
    groups = [{"params": [dense, table.weight], "lr": lr, "weight_decay": 0.0}]
    optimizer = adamw(groups, [table.weight], eps=eps, eps_corrected=False)
    for gradient in gradients:
        table.weight.grad = None
        dense.grad = gradient.clone()
        (table(torch.arange(5)).squeeze(1) * gradient).sum().backward()
        optimizer.step()
    assert torch.allclose(dense, expected, rtol=0, atol=1e-12)
    assert torch.allclose(table.weight[:, 0], expected, rtol=0, atol=1e-12)
    assert (found[True] - start).norm() > 1.5 * (expected - start).norm(), "it moves further"
