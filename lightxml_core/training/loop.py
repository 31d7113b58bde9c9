"""The training loop. Its result depends only on the seed, even if it is killed at any point and resumed."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from lightxml_core.errors import InputError
from lightxml_core.files import remake
from lightxml_core.training.ahead import made_ahead
from lightxml_core.training.checkpoint import Checkpoint
from lightxml_core.training.exchange import Exchange
from lightxml_core.training.log import Progress, TrainingLog
from lightxml_core.training.optimisers import set_rates
from lightxml_core.training.processes import team
from lightxml_core.training.schedule import Plan, StepDecay
from lightxml_core.training.step import update_of

log = logging.getLogger(__name__)


class HasLoss(Protocol):
    """The loss to minimise and its named parts."""

    @property
    def total(self) -> Tensor: ...

    @property
    def parts(self) -> dict[str, Tensor]: ...


@dataclass(frozen=True)
class Task:
    """The model, its documents and how to score it.

    steps(epoch): the epoch's optimiser steps, each a list of micro-batches of row ids; equally many in every epoch.
    prepare(rows): a micro-batch as the loss takes it; by default the row ids themselves. Another thread may call it,
    one step ahead. loss(batch, epoch): the loss of one micro-batch. evaluate(model): named scores; the weights with the
    best `select_by` are kept. evaluate None: the last weights are kept.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    steps: Callable[[int], Sequence[Sequence[np.ndarray]]]
    loss: Callable[[Any, int], HasLoss]
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None
    select_by: str = "P@5"
    prepare: Callable[[np.ndarray], Any] = np.asarray


def train(task: Task, plan: Plan, checkpoint: Checkpoint, training_log: TrainingLog) -> None:
    """Train `task.model` in place, from the checkpoint if there is one, and load the weights to keep into it.

    Several processes each compute a share of every micro-batch, and their gradients are summed.

    InputError at the first loss or gradient that is not finite, with the step; the last good checkpoint stays on disk.
    """
    TrainingRun(task, plan, checkpoint, training_log).run()


@dataclass(frozen=True)
class StepBatches:
    """The batches of one step: the row ids of its micro-batches, and this process's share with weights.

    pieces: how many parts each micro-batch was split into.
    """

    rows: Sequence[np.ndarray]
    pieces: int
    own: list[tuple[Any, int]]

    @property
    def documents(self) -> int:
        return sum(map(len, self.rows))


@dataclass(frozen=True)
class _Done:
    """A step that was taken. parts: float64[n], the parts of its loss; failed: bool, whether it is not finite."""

    epoch: int
    step: int
    documents: int
    encoded: int
    lr: float
    names: list[str]
    parts: Tensor
    failed: Tensor


class TrainingRun:
    """One training, step by step: `prepare` a step, `take` it, `read` its losses. `run` does all of them in order."""

    def __init__(self, task: Task, plan: Plan, checkpoint: Checkpoint, training_log: TrainingLog) -> None:
        self.task, self.plan, self.checkpoint, self.log = task, plan, checkpoint, training_log
        self.model, self.optimizer = task.model, task.optimizer
        self.device = next(self.model.parameters()).device
        self.team = team()
        self.averaged = AveragedModel(self.model) if plan.averaging.swa_step else None
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=plan.dtype == torch.float16)
        self.per_epoch = len(task.steps(0))
        self.best, self.since_best = -math.inf, 0
        self.update = update_of(plan, task.optimizer, self.scaler)
        self.exchange = Exchange(self.model.parameters(), self.team)
        self.unread: list[_Done] = []  # steps whose losses are still on the device
        self.dropout = True
        self.encoded, self.pieces = plan.encoded_before, 1
        self.step = self._resume()
        self.team.broadcast_from_first(self.model.state_dict().values())
        self.saved = time.monotonic()

        documents = sum(len(rows) for step in task.steps(0) for rows in step)
        done = documents * self.step // max(self.per_epoch, 1)
        self.progress = Progress(plan.title, documents * plan.epochs, done)

    def run(self) -> None:
        """Train to the end, and load the weights to keep into the model."""
        for epoch in range(self.step // max(self.per_epoch, 1), self.plan.epochs):
            if not self._patience_exhausted:
                self._epoch(epoch)
        self._load_kept_weights()

    @property
    def _patience_exhausted(self) -> bool:
        return 0 < self.plan.patience <= self.since_best

    def _epoch(self, epoch: int) -> None:
        starts = self.step == epoch * self.per_epoch
        self.model.train(self.dropout or starts)
        if self.averaged is not None and starts and epoch == self.plan.averaging.swa_warmup:
            self.averaged.update_parameters(self.model)
        remaining = self._remaining(epoch)
        make = made_ahead if self.update.read_every > 1 else map
        batches = make(self.prepare, (micro_batches for micro_batches, _ in remaining))
        for own, (_, numbers) in zip(batches, remaining, strict=True):
            self.take(epoch, own)
            self._average(epoch, numbers)
            ends = self.step == (epoch + 1) * self.per_epoch
            every, counted = self.plan.evaluation.evaluate_steps, range(max(numbers.start, 1), numbers.stop)
            if self._evaluation_due(epoch, ends) or _contains_multiple(every, counted):
                self.read()
                self._evaluate(epoch, ends)
            if ends or self._patience_exhausted or time.monotonic() - self.saved > 60 * self.plan.checkpoint_minutes:
                self.read()
                self._save()
            if self._patience_exhausted:
                log.info(
                    "%s: no improvement in %d evaluations in a row: training stops", self.plan.title, self.since_best
                )
                return

    def _evaluation_due(self, epoch: int, ends: bool) -> bool:
        """Whether an evaluation is due at the end of an epoch."""
        last = epoch + 1 == self.plan.epochs and not math.isfinite(self.best)
        return ends and (self.plan.evaluate_epochs or last)

    def _remaining(self, epoch: int) -> list[tuple[Sequence[np.ndarray], range]]:
        """The epoch's remaining steps, each with its number or those of its micro-batches, see `Plan.counted`."""
        steps, first = self.task.steps(epoch), epoch * self.per_epoch
        edges = np.cumsum([0, *map(len, steps)]).tolist()
        by_step = self.plan.counted == "steps"
        return [
            (steps[i], range(first + i + 1, first + i + 2) if by_step else range(edges[i], edges[i + 1]))
            for i in range(self.step - first, self.per_epoch)
        ]

    def take(self, epoch: int, batches: StepBatches) -> None:
        """One optimiser step. Its losses are read later if the update leaves them on the device."""
        set_rates(self.optimizer, self._rate())
        named = self._backward_in_memory(epoch, batches)
        parts = torch.stack([*named.values()])
        self.team.add_up([parts])
        failed = self.update.apply(parts)
        self.step += 1
        self.encoded += batches.documents
        lr = max(group["lr"] for group in self.optimizer.param_groups)
        self.unread.append(_Done(epoch, self.step, batches.documents, self.encoded, lr, [*named], parts, failed))
        if len(self.unread) >= self.update.read_every:
            self.read()

    def _backward_in_memory(self, epoch: int, batches: StepBatches) -> dict[str, Tensor]:
        """Call `_backward`; when the device's memory is full, double the number of pieces and try again."""
        while True:
            if batches.pieces != self.pieces:  # made before the number changed
                batches = self.prepare(batches.rows)
            parts: dict[str, Tensor] | None = None
            with suppress(torch.OutOfMemoryError):  # its traceback refers to tensors, which must be freed first
                parts = self._backward(epoch, batches)
            self.exchange.finish()
            short = self.team.any_process(parts is None, self.device)
            if parts is not None and not short:
                return parts
            self.optimizer.zero_grad(set_to_none=True)
            if self.pieces >= max(map(len, batches.rows)):
                raise InputError(
                    f"{self.plan.title}: the device's memory is too small for one document at step {self.step}: "
                    "lower `max_tokens` or `clusters_kept`"
                )
            self.pieces *= 2
            log.warning(
                "%s: the device's memory is full at step %d: micro-batches are now split into %d pieces; "
                "the batch size stays the same",
                *(self.plan.title, self.step, self.pieces),
            )
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def prepare(self, micro_batches: Sequence[np.ndarray]) -> StepBatches:
        """This process's share of one step, ready for the loss."""
        pieces = self.pieces
        split = [part for rows in micro_batches for part in np.array_split(rows, pieces) if len(part)]
        shares = [self.team.share(rows) for rows in split]
        return StepBatches(micro_batches, pieces, [(self.task.prepare(own), count) for own, count in shares])

    def _backward(self, epoch: int, batches: StepBatches) -> dict[str, Tensor]:
        """Gradients and the parts of the loss of one step; the parts stay on the device.

        Dropout depends only on the seed and the step, so a resumed run repeats it.
        """
        torch.manual_seed((self.team.rank << 48) + self.plan.seed * 1_000_003 + self.step)
        parts: dict[str, Tensor] = {}
        for number, (batch, count) in enumerate(batches.own, 1):
            share = count / batches.documents  # the epoch's last micro-batch may be smaller
            with torch.autocast(self.device.type, self.plan.dtype, enabled=self.plan.dtype is not None):
                loss = self.task.loss(batch, epoch)
            if number == len(batches.own):
                self.exchange.open()
            whole = count == batches.documents  # saves some operators, which matter to a GPU if they are many
            self.scaler.scale(loss.total if whole else loss.total * share).backward()
            for name, value in loss.parts.items():
                own = value.detach().double()
                parts[name] = own if whole else parts.get(name, 0.0) + own * share
        return parts

    def read(self) -> None:
        """Read the losses of the steps that were not read yet, and log them. InputError if one is not finite."""
        done, self.unread = self.unread, []
        if not done:
            return
        values = iter(torch.cat([step.parts for step in done]).tolist())  # one wait for the device, one more below
        read = [dict(zip(step.names, values, strict=False)) for step in done]
        broken = [*torch.stack([step.failed for step in done]).tolist(), True].index(True)
        self._report(done[:broken], read[:broken])
        if broken < len(done):
            raise InputError(
                f"{self.plan.title}: the loss or its gradient is not finite at step {done[broken].step - 1} "
                f"(loss {sum(read[broken].values())}); "
                "the last checkpoint is kept: lower the learning rate or set `precision: fp32`"
            )

    def _rate(self) -> float:
        """Factor on every learning rate: linear warm-up, then constant, stepwise, or linear down to zero at the end."""
        rates = self.plan.rates
        if isinstance(rates, StepDecay):
            epoch = self.step // self.per_epoch
            return rates.factor ** sum(epoch >= first for first in rates.epochs)
        total, warm = self.per_epoch * self.plan.epochs, rates.warmup_steps
        if self.step < warm:
            return (self.step + 1) / warm
        return 1.0 if rates.schedule == "constant" else (total - self.step) / max(total - warm, 1)

    def _average(self, epoch: int, numbers: range) -> None:
        due = epoch >= self.plan.averaging.swa_warmup and _contains_multiple(self.plan.averaging.swa_step, numbers)
        if self.averaged is not None and due:
            self.averaged.update_parameters(self.model)

    def _report(self, done: Sequence[_Done], read: Sequence[dict[str, float]]) -> None:
        """One line of the log per step."""
        if not done:
            return
        note = f"epoch {done[-1].epoch + 1}/{self.plan.epochs}  loss {sum(read[-1].values()):.4g}"
        rate = self.progress.advance(sum(step.documents for step in done), note)
        for step, parts in zip(done, read, strict=True):
            values = {
                "epoch": step.epoch,
                "encoded": step.encoded,
                **parts,
                "loss": sum(parts.values()),
                "lr": step.lr,
                "documents_per_second": round(rate, 1),
            }
            self.log.write("step", self.plan.steps_before + step.step, **values)

    def _current_weights(self) -> nn.Module:
        """The weights to evaluate and keep: the running mean if there is one, else the current weights."""
        if self.averaged is not None and int(self.averaged.n_averaged) > 0:
            return self.averaged.module
        return self.model

    def _evaluate(self, epoch: int, ends: bool) -> None:
        if self.task.evaluate is None:
            return
        module = self._current_weights()
        module.eval()
        scores = self.task.evaluate(module)
        self.dropout = ends or not self.plan.evaluation.dropout_off_after_evaluation
        self.model.train(self.dropout)
        self.log.write(
            "epoch", self.plan.steps_before + self.step, epoch=epoch, encoded=self.encoded, validation=scores
        )
        if not (ends or self.plan.evaluation.select_mid_epoch):
            return
        self.since_best += 1
        if scores[self.task.select_by] > self.best:
            self.best, self.since_best = scores[self.task.select_by], 0
            self.checkpoint.save("best", _named("model", module.state_dict()), {"step": self.step, "scores": scores})

    def _save(self) -> None:
        tensors = _named("model", self.model.state_dict()) | _named("optimizer", _flat(self.optimizer))
        if self.averaged is not None:
            tensors |= _named("averaged", self.averaged.state_dict())
        state = {
            "step": self.step,
            "encoded": self.encoded,
            "pieces": self.pieces,
            "best": self.best if math.isfinite(self.best) else None,
            "since_best": self.since_best,
            "norms": [*self.update.norms],
            "dropout": self.dropout,
            "scaler": self.scaler.state_dict(),
        }
        self.checkpoint.save("last", tensors, state)
        self.saved = time.monotonic()

    def _resume(self) -> int:
        found = self.checkpoint.load("last")
        if found is None:
            return 0
        tensors, state = found
        self.model.load_state_dict(_under("model", tensors))
        _unflatten(self.optimizer, _under("optimizer", tensors))
        if self.averaged is not None:
            self.averaged.load_state_dict(_under("averaged", tensors))
        if state["scaler"] and self.scaler.is_enabled():  # both runs use float16
            self.scaler.load_state_dict(state["scaler"])
        self.dropout = state["dropout"]
        self.encoded, self.pieces = state["encoded"], state["pieces"]
        self.since_best, self.update.norms = state["since_best"], state["norms"]
        self.best = -math.inf if state["best"] is None else state["best"]
        log.info("%s: resumes after step %d", self.plan.title, state["step"])
        return int(state["step"])

    def _load_kept_weights(self) -> None:
        """Load the weights to keep into the model: the best evaluated, else the mean, else the last."""
        self.team.wait()  # until the first process has written the best
        if self.task.evaluate is not None:
            found = self.checkpoint.load("best")
            if found is None:
                remedy = remake(self.checkpoint.folder)
                raise InputError(f"{self.plan.title}: the checkpoint of the best weights is missing: {remedy}")
            self.model.load_state_dict(_under("model", found[0]))
        else:
            self.model.load_state_dict(self._current_weights().state_dict())


def _contains_multiple(every: int, numbers: range) -> bool:
    """Whether one of the numbers is a multiple of `every`; never for 0."""
    return every > 0 and -(-numbers.start // every) * every in numbers


def last_step(checkpoint: Checkpoint) -> int | None:
    """Optimiser steps done in the checkpoint of this run; None if there is no checkpoint."""
    state = checkpoint.state("last")
    return None if state is None else int(state["step"])


def _named(prefix: str, tensors: dict[str, Any]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(f"{prefix}.")}


def _flat(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": value for index, entry in state.items() for name, value in entry.items()}


def _unflatten(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
