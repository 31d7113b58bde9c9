"""One Adam optimiser for parameters with dense gradients and for tables with row-sparse gradients."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

Groups = Sequence[dict[str, Any]]


def adamw(
    groups: Iterable[dict[str, Any]], rare: Collection[Tensor] = (), eps: float = 1e-8, eps_corrected: bool = True
) -> torch.optim.Optimizer:
    """Fused AdamW over parameter groups with keys params, lr, weight_decay; empty groups are dropped.

    eps is added to the root of the second moment, so it matters for gradients of about its size or less.
    eps_corrected: add it after the bias of the moment is corrected (Kingma and Ba 2015, algorithm 1); otherwise before,
    as in transformers 2.11.0. The latter amounts to an eps of eps / sqrt(1 - beta2^t) at step t, 32 times eps at first.

    The parameters in `rare`, whose gradients are row-sparse, are updated by SparseAdam at their group's rate, without
    decay. It always adds eps to the uncorrected moment.
    """
    tables = {id(parameter) for parameter in rare}
    parts: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for group in groups:
        for part, sparse in zip(parts, (False, True), strict=True):
            own = [parameter for parameter in group["params"] if (id(parameter) in tables) == sparse]
            if own:
                part.append({**group, "params": own, "base_lr": group["lr"], "eps": eps})
    optimizer = DenseAndSparse(*parts) if parts[1] else torch.optim.AdamW(parts[0], fused=True)
    if not eps_corrected:
        optimizer.register_step_pre_hook(_UncorrectedEps(eps))
    return optimizer


class _UncorrectedEps:
    """Sets the eps of each step so that it acts as if added before the second moment's bias is corrected."""

    def __init__(self, eps: float) -> None:
        self.eps = eps
        self.step: int | None = None

    def __call__(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        if self.step is None:  # later it is counted here, because reading it would wait for the GPU
            states = optimizer.state_dict()["state"].values()
            self.step = max((int(state["step"]) for state in states), default=0)
        self.step += 1
        for group in optimizer.param_groups:
            if "weight_decay" in group:  # only AdamW: SparseAdam adds eps before the correction anyway
                group["eps"] = self.eps / math.sqrt(1.0 - group["betas"][1] ** self.step)


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set the rate of each group of an optimiser of `adamw` to `factor` times its initial rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


class DenseAndSparse(torch.optim.Optimizer):
    """torch's fused AdamW and SparseAdam with a common state.

    A row of a table without a gradient keeps its value and moments, so the cost depends on the batch, not the table.
    """

    def __init__(self, dense: Groups, rare: Groups) -> None:
        undecayed = [{key: value for key, value in group.items() if key != "weight_decay"} for group in rare]
        self.parts = (torch.optim.AdamW(dense, fused=True), torch.optim.SparseAdam(undecayed))
        super().__init__([{"params": [p for group in (*dense, *rare) for p in group["params"]]}], {})
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure is ever given
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """State by number of the parameter, as in torch, with SparseAdam's step counts as tensors."""
        state, first = {}, 0
        for part in self.parts:
            own = part.state_dict()["state"]
            for number, entry in own.items():
                state[first + number] = {name: torch.as_tensor(value) for name, value in entry.items()}
            first += sum(len(group["params"]) for group in part.param_groups)
        return {"state": state, "param_groups": []}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        first = 0
        for part in self.parts:
            count = sum(len(group["params"]) for group in part.param_groups)
            found = {n - first: entry for n, entry in state_dict["state"].items() if first <= n < first + count}
            if isinstance(part, torch.optim.SparseAdam):
                found = {n: {**entry, "step": int(entry["step"])} for n, entry in found.items()}
            part.load_state_dict({"state": found, "param_groups": part.state_dict()["param_groups"]})
            first += count
        self.param_groups = [group for part in self.parts for group in part.param_groups]


class Updates(Protocol):
    """A parameter without a gradient that is updated from what the passes of a step have left."""

    @property
    def table(self) -> Tensor: ...

    @property
    def lr(self) -> float: ...

    def step(self, rate: float, failed: Tensor | None = None) -> None:
        """Update at this learning rate. failed: bool[] on the device; if it is true, nothing changes."""

    def clear(self) -> None: ...


def adamw_and(updates: Updates | None, groups: Iterable[dict[str, Any]], **options: Any) -> torch.optim.Optimizer:
    """`adamw`, which also makes these updates, if any; there may be no other parameter then."""
    if updates is None:
        return adamw(groups, **options)
    own = [group for group in groups if group["params"]]
    return _AlsoInPlace(adamw(own, **options) if own else None, updates)


class _AlsoInPlace(torch.optim.Optimizer):
    """An optimiser of `adamw` that also makes these updates, at their own rate."""

    def __init__(self, inner: torch.optim.Optimizer | None, updates: Updates) -> None:
        super().__init__([{"params": [updates.table], "lr": updates.lr, "base_lr": updates.lr}], {})
        self.inner, self.updates, self._own = inner, updates, self.param_groups[0]
        self._gather_groups()

    def _gather_groups(self) -> None:
        self.param_groups = [*([] if self.inner is None else self.inner.param_groups), self._own]

    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure is ever given
        failed: Tensor | None = getattr(self, "found_inf", None)  # as torch's fused optimisers take it
        if self.inner is not None:
            # the fused optimisers read this attribute, which torch does not declare
            self.inner.found_inf = failed  # type: ignore[attr-defined]
            self.inner.step()
        self.updates.step(self._own["lr"], None if failed is None else failed.bool())

    def zero_grad(self, set_to_none: bool = True) -> None:
        if self.inner is not None:
            self.inner.zero_grad(set_to_none)
        self.updates.clear()

    def state_dict(self) -> dict[str, Any]:
        return {"state": {}, "param_groups": []} if self.inner is None else self.inner.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.inner is not None:
            self.inner.load_state_dict(state_dict)
        self._gather_groups()


def skips_on_device(optimizer: torch.optim.Optimizer) -> bool:
    """Whether an optimiser skips a step if its attribute `found_inf`, float32[] on the device, is 1."""
    if isinstance(optimizer, _AlsoInPlace):
        return optimizer.inner is None or skips_on_device(optimizer.inner)
    return isinstance(optimizer, torch.optim.AdamW) and bool(optimizer.defaults["fused"])


def stored_gradient(parameter: nn.Parameter) -> Tensor:
    """The stored values of a parameter's gradient: all, or the rows of a sparse one."""
    assert parameter.grad is not None
    if parameter.grad.is_sparse:
        parameter.grad = parameter.grad.coalesce()
        return parameter.grad._values()
    return parameter.grad
