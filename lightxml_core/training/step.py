"""The end of an optimiser step: the gradients are clipped and applied to the weights.

There are two ways to do it. The plain one is the reference: it reads each loss and gradient norm before it changes the
weights, so the CPU waits for a GPU in every step. The fast one leaves these values on the device, so that the CPU can
start the next steps meanwhile, and the loop reads them later. Both give the same weights within rounding.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from lightxml_core.training.optimisers import skips_on_device, stored_gradient
from lightxml_core.training.schedule import Plan

log = logging.getLogger(__name__)
_NORMS = 5  # number of past norms that relative clipping uses
_READ_EVERY = 50  # steps


class Update(Protocol):
    """Applies the gradients of one step."""

    norms: Sequence[float]
    """The last few norms as relative clipping counts them. They belong to a checkpoint."""

    @property
    def read_every(self) -> int:
        """After how many steps the loop reads losses."""

    def apply(self, parts: Tensor) -> Tensor:
        """Change the weights and clear the gradients, but change nothing if the step is not finite.

        parts: float64[n], the parts of the loss. Returns whether the step failed, as a bool on the device.
        """


def update_of(plan: Plan, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> Update:
    """The way that the plan names. `auto` is the fast one on a GPU.

    The fast one needs an optimiser that can skip a step on the device, and no float16, whose scaling of losses has a
    rule of its own for steps that overflow.
    """
    supported = skips_on_device(optimizer) and not scaler.is_enabled()
    on_gpu = any(p.is_cuda for group in optimizer.param_groups for p in group["params"])
    asked = plan.step in ("fast", "compiled")
    if supported and (asked or (plan.step == "auto" and on_gpu)):
        return FastUpdate(plan, optimizer)
    if asked:
        log.info("%s: the plain step is used, because the fast one needs dense updates and no float16", plan.title)
    return PlainUpdate(plan, optimizer, scaler)


@dataclass
class PlainUpdate:
    """Reads loss and norm first."""

    plan: Plan
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    norms: Sequence[float] = ()
    read_every = 1

    def apply(self, parts: Tensor) -> Tensor:
        gradients = _gradients(self.optimizer)
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.get_total_norm(gradients)
        finite = math.isfinite(sum(parts.tolist()))
        overflow = self.scaler.is_enabled() and finite  # the scaler itself skips such a step
        if not finite or not (overflow or math.isfinite(norm.item())):
            return torch.ones((), dtype=torch.bool, device=parts.device)
        limit = self.plan.clip or self._relative_limit(norm)
        if limit:
            _clip(gradients, norm, limit)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return torch.zeros((), dtype=torch.bool, device=parts.device)

    def _relative_limit(self, norm: Tensor) -> float:
        """The largest norm that is not scaled down, from the last five norms; 0, for no limit, until there are five.

        As in AttentionXML, a norm counts as at most 1, and as at most twice the largest of the earlier ones.
        """
        if not self.plan.clip_relative:
            return 0.0
        largest = max(self.norms) if len(self.norms) == _NORMS else math.inf
        self.norms = [*self.norms, min(norm.item(), 2.0 * largest, 1.0)][-_NORMS:]
        return largest * self.plan.clip_relative if math.isfinite(largest) else 0.0


@dataclass
class FastUpdate:
    """Reads nothing: the device itself skips a step that is not finite, and every step after it."""

    plan: Plan
    optimizer: torch.optim.Optimizer
    read_every = _READ_EVERY
    _failed: Tensor | None = None
    _recent: Tensor | None = field(default=None)
    """float32[5]: the last norms; infinite where there is none yet."""

    @property
    def norms(self) -> Sequence[float]:
        return [] if self._recent is None else [norm for norm in self._recent.tolist() if math.isfinite(norm)]

    @norms.setter
    def norms(self, values: Sequence[float]) -> None:
        self._recent = torch.tensor([math.inf] * (_NORMS - len(values)) + [*values])

    def apply(self, parts: Tensor) -> Tensor:
        gradients = _gradients(self.optimizer)
        norm = torch.nn.utils.get_total_norm(gradients)
        broken = (parts.sum() + norm) * 0.0 != 0.0  # a finite number times 0 is 0, any other is not
        self._failed = broken if self._failed is None else self._failed | broken
        if self.plan.clip or self.plan.clip_relative:
            limit = self.plan.clip or self._relative_limit(norm)
            _clip(gradients, norm, limit)
        # the fused optimisers skip the step by this attribute, which torch does not declare
        self.optimizer.found_inf = self._failed.float()  # type: ignore[attr-defined]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return broken

    def _relative_limit(self, norm: Tensor) -> Tensor:
        """As `PlainUpdate._relative_limit`, but infinite for no limit."""
        if self._recent is None:
            self._recent = torch.full((_NORMS,), math.inf)
        recent = self._recent.to(norm.device, non_blocking=True)
        largest = recent.max()
        self._recent = torch.cat([recent[1:], torch.minimum(norm, (2.0 * largest).clamp(max=1.0)).view(1)])
        return largest * self.plan.clip_relative


def _clip(gradients: list[Tensor], norm: Tensor, limit: float | Tensor) -> None:
    """Scale the gradients, whose common norm is `norm`, in place, so that it is at most `limit`."""
    if gradients:  # there are none where all that is trained is updated in place
        torch._foreach_mul_(gradients, (limit / (norm + 1e-6)).clamp(max=1.0))


def _gradients(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [stored_gradient(p) for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
