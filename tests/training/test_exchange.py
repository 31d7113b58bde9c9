"""Sums of gradients over two processes with equal gradients, which a team that doubles every value replaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightxml_core.training.exchange import Exchange
from lightxml_core.training.processes import Team


@dataclass(frozen=True)
class Doubling(Team):
    """Records the size of each sum, and how many of the watched parameters have a gradient when the sum starts."""

    size: int = 2
    watched: list[nn.Parameter] = field(default_factory=list)
    starts: list[tuple[int, int]] = field(default_factory=list)

    def start_sum(self, values: Tensor) -> Any:
        self.starts.append((len(values), sum(p.grad is not None for p in self.watched)))

        class Running:
            def wait(self) -> None:
                values.mul_(2)

        return Running()


def layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(nn.Linear(6, 6) for _ in range(10)))


def gradients(model: nn.Module) -> list[Tensor | None]:
    return [None if p.grad is None else p.grad.clone() for p in model.parameters()]


def test_gradients_are_summed_once_after_all_micro_batches() -> None:
    model, X = layers(), torch.randn(4, 6)
    model.register_parameter("unused", nn.Parameter(torch.ones(3)))
    for _ in range(2):
        model(X).square().sum().backward()
    expected = gradients(model)
    model.zero_grad()
    team = Doubling(watched=[*model.parameters()])
    exchange = Exchange(model.parameters(), team)
    model(X).square().sum().backward()
    assert team.starts == []
    exchange.open()
    model(X).square().sum().backward()
    exchange.finish()
    for own, alone in zip(gradients(model), expected, strict=True):
        assert (own is None) == (alone is None)
        if own is not None and alone is not None:
            torch.testing.assert_close(own, 2 * alone)
    assert sum(size for size, _ in team.starts) == sum(p.numel() for p in model.parameters())


def test_sums_start_within_the_backward_pass_and_are_the_same_for_a_process_whose_memory_is_full() -> None:
    model, X = layers(), torch.randn(4, 6)
    team = Doubling(watched=[*model.parameters()])
    exchange = Exchange(model.parameters(), team)
    exchange.open()
    model(X).sum().backward()
    during = [*team.starts]
    exchange.finish()
    whole = [size for size, _ in team.starts]
    assert during == team.starts and len(during) > 3 and during[0][1] < during[-1][1] == len(team.watched)
    team.starts.clear()
    model.zero_grad()

    def full(_: Tensor) -> None:
        raise torch.OutOfMemoryError("no room")

    model[4].weight.register_hook(full)
    exchange.open()
    with pytest.raises(torch.OutOfMemoryError):
        model(X).sum().backward()
    assert 0 < len(team.starts) < len(whole)
    exchange.finish()
    assert [size for size, _ in team.starts] == whole
