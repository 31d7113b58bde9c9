"""The course of a training run: its length, learning rates, averaging, evaluation and checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lightxml_core.values import Natural

if TYPE_CHECKING:
    import torch


Step = Literal["auto", "plain", "fast", "compiled"]


@dataclass(frozen=True)
class Schedule:
    """How the learning rates change with the optimiser steps."""

    schedule: Literal["constant", "linear"] = "constant"
    """After the warm-up the rates stay constant, or fall linearly to zero at the end."""

    warmup_steps: Natural = 0
    """Optimiser steps during which the rates rise linearly from zero."""


@dataclass(frozen=True)
class StepDecay:
    """Learning rates that are multiplied by `factor` at the start of each of the `epochs`, counted from 0."""

    factor: float
    epochs: tuple[int, ...]


@dataclass(frozen=True)
class WeightAveraging:
    """Stochastic weight averaging: a running mean of the weights, which is evaluated and kept instead of them."""

    swa_warmup: Natural = 0
    """The epoch, counted from 0, at which averaging starts."""

    swa_step: Natural = 0
    """Steps of an epoch between updates of the mean. 0: no averaging."""


@dataclass(frozen=True)
class Evaluation:
    """When weights are evaluated within an epoch, and the consequences."""

    evaluate_steps: Natural = 0
    """Steps of an epoch between evaluations. 0: evaluate only at the ends of epochs."""

    select_mid_epoch: bool = True
    """Whether an evaluation within an epoch may select the weights."""

    dropout_off_after_evaluation: bool = False
    """After an evaluation within an epoch, train without dropout until the epoch ends, as the released code does."""


@dataclass(frozen=True)
class Plan:
    """The parameters of the training loop. Epochs and steps count from 0; a step is one optimiser step."""

    title: str
    """Name of the training run in messages and progress lines."""

    seed: int
    epochs: int
    rates: Schedule | StepDecay = Schedule()
    averaging: WeightAveraging = WeightAveraging()
    evaluation: Evaluation = Evaluation()

    evaluate_epochs: bool = True
    """Evaluate at the end of each epoch. Otherwise only at the end of the last one, if there was none before."""

    patience: int = 0
    """Training stops after this number of evaluations in a row without an improvement. 0: never."""

    counted: Literal["steps", "micro-batches"] = "steps"
    """The unit of averaging and evaluation: optimiser steps since the start, or micro-batches of an epoch.

    The released LightXML counts micro-batches. The first one is number 0; it can update the mean but is not evaluated.
    """

    clip: float = 0.0
    """Largest norm of the gradient. 0: no limit."""

    clip_relative: float = 0.0
    """Largest norm of the gradient as a multiple of the largest of the last five norms. 0: no limit."""

    dtype: torch.dtype | None = None
    """Number format of mixed precision. None: float32 throughout."""

    step: Step = "plain"
    """How losses and norms are read, see `training.step`."""

    checkpoint_minutes: float = 10.0
    encoded_before: int = 0
    """Documents encoded by earlier phases of the same training run. The log continues this count."""

    steps_before: int = 0
    """Steps of earlier phases of the same training run. The log continues this count."""
