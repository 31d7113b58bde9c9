"""How a training goes: how long, at which learning rates, what is averaged, when it is evaluated and saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lightxml_core.values import Natural

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Schedule:
    """How the learning rates change with the optimiser steps."""

    schedule: Literal["constant", "linear"] = "constant"
    """After the warm-up the rates stay as they are, or fall linearly to zero at the end."""

    warmup_steps: Natural = 0
    """Optimiser steps in which the rates rise linearly from zero."""


@dataclass(frozen=True)
class StepDecay:
    """Learning rates that are multiplied by `factor` as each of the `epochs`, counted from 0, begins."""

    factor: float
    epochs: tuple[int, ...]


@dataclass(frozen=True)
class WeightAveraging:
    """Stochastic weight averaging: a running mean of the weights, which is evaluated and kept in their place."""

    swa_warmup: Natural = 0
    """The epoch, counted from 0, from whose start the weights enter the mean."""

    swa_step: Natural = 0
    """Every so many steps of the epoch the weights enter the mean. 0: no averaging."""


@dataclass(frozen=True)
class Evaluation:
    """When weights are evaluated besides the ends of epochs, and what follows from it."""

    evaluate_steps: Natural = 0
    """Evaluate every so many steps of an epoch too. 0: never."""

    select_mid_epoch: bool = True
    """Whether an evaluation within an epoch may select the weights."""

    dropout_off_after_evaluation: bool = False
    """Train without dropout after an evaluation within an epoch until the epoch ends, as the released code does."""


@dataclass(frozen=True)
class Plan:
    """What the training loop follows. Epochs and steps count from 0; a step is one optimiser step."""

    title: str
    """Names the training in messages and in the progress."""

    seed: int
    epochs: int
    rates: Schedule | StepDecay = Schedule()
    averaging: WeightAveraging = WeightAveraging()
    evaluation: Evaluation = Evaluation()

    evaluate_epochs: bool = True
    """Evaluate at the end of each epoch. Otherwise only at the end of the last one, if nothing was evaluated before."""

    patience: int = 0
    """Training stops after so many evaluations in a row that found nothing better. 0: never."""

    counted: Literal["steps", "micro-batches"] = "steps"
    """What averaging and evaluation count: optimiser steps since the start, or the micro-batches of an epoch.

    The latter is the released LightXML's. The first micro-batch is number 0; it averages but does not evaluate.
    """

    clip: float = 0.0
    """Largest norm of the gradient. 0: any."""

    clip_relative: float = 0.0
    """Largest norm of the gradient as a multiple of the largest of the last five norms. 0: any."""

    dtype: torch.dtype | None = None
    """Number format of mixed precision. None: float32 throughout."""

    checkpoint_minutes: float = 10.0
    encoded_before: int = 0
    """Documents encoded by earlier parts of the same training: the log counts on from there."""

    steps_before: int = 0
    """Steps done by earlier parts of the same training: the log counts on from there."""
