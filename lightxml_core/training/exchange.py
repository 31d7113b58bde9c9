"""The sum of gradients over the processes. It starts while the backward pass still computes further gradients.

The method is that of DistributedDataParallel (Li et al., VLDB 2020, section 3.2). Here a process whose memory is full
takes part too, so that all of them can try again with smaller pieces.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn

from lightxml_core.training.processes import Team

_BUCKETS, _LARGEST = 8, 25 * 2**20  # about 8 buckets, or more if they would be larger than about 25 MiB


class Sum(Protocol):
    """A sum that has been started."""

    def wait(self) -> object: ...


class Exchange:
    """Sums the gradients of the processes in buckets of parameters, those of the last layers first.

    All processes must sum the same buckets in the same order. So a bucket is started after the one before it, a
    parameter without a gradient counts as zeros, and `finish` starts what the backward pass has not.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], team: Team) -> None:
        self.team = team
        learnt = [parameter for parameter in parameters if parameter.requires_grad] if team.size > 1 else []
        self.buckets = _buckets(learnt[::-1])
        self._bucket_of = {id(parameter): i for i, bucket in enumerate(self.buckets) for parameter in bucket}
        self._missing: list[int] | None = None
        self._started: list[tuple[Tensor, Sum]] = []
        for parameter in learnt:
            parameter.register_post_accumulate_grad_hook(self._made)

    def open(self) -> None:
        """Sum during the next backward pass, the last one of the step. A gradient is complete as soon as it is made."""
        self._missing = [len(bucket) for bucket in self.buckets]

    def finish(self) -> None:
        """Replace every gradient by its sum over the processes, also after a backward pass that raised an error."""
        self._missing = None
        for number, bucket in enumerate(self.buckets):
            if number == len(self._started):
                self._start(bucket)
            flat, running = self._started[number]
            running.wait()
            for parameter, total in zip(bucket, flat.split([p.numel() for p in bucket]), strict=True):
                if parameter.grad is not None:
                    parameter.grad.copy_(total.view_as(parameter))
            self._started[number] = (flat.new_empty(0), running)  # frees the memory for the next bucket
        self._started = []

    def _made(self, parameter: Tensor) -> None:
        """Called when the backward pass has made the gradient of a parameter."""
        if self._missing is None:
            return
        self._missing[self._bucket_of[id(parameter)]] -= 1
        while len(self._started) < len(self.buckets) and not self._missing[len(self._started)]:
            self._start(self.buckets[len(self._started)])

    def _start(self, bucket: list[nn.Parameter]) -> None:
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in bucket]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        self._started.append((flat, self.team.start_sum(flat)))


def _buckets(parameters: list[nn.Parameter]) -> list[list[nn.Parameter]]:
    """The parameters in their order, as lists of about `_LARGEST` bytes, or of an eighth of all if that is less."""
    sizes = [parameter.numel() * parameter.element_size() for parameter in parameters]
    enough = min(sum(sizes) / _BUCKETS, _LARGEST)
    found: list[list[nn.Parameter]] = []
    filled = enough
    for parameter, size in zip(parameters, sizes, strict=True):
        if filled >= enough:
            found.append([])
            filled = 0
        found[-1].append(parameter)
        filled += size
    return found
