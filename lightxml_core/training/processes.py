"""Processes that train one model together, one per GPU, or on CPUs with gloo. There may be just one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    import torch.distributed
    from torch import Tensor


@dataclass(frozen=True)
class Team:
    """The rank of this process among those that train together; the `first` writes files and reports progress."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, rows: np.ndarray) -> tuple[np.ndarray, int]:
        """This process's documents of a micro-batch, and their weight, which is their number.

        If there are fewer documents than processes, a process without any repeats the first with weight 0, so that
        every process has gradients of the same parameters to sum.
        """
        own = rows[self.rank :: self.size]
        return (own, len(own)) if len(own) else (rows[:1], 0)

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over the processes, which must all pass the same tensors in the same order."""
        if self.size > 1:
            from torch.distributed import all_reduce

            for tensor in tensors:
                all_reduce(tensor)

    def start_sum(self, values: Tensor) -> torch.distributed.Work:
        """Start to replace `values` by their sum over the processes. They hold it once `wait` of the result returns."""
        from torch.distributed import all_reduce

        running = all_reduce(values, async_op=True)
        assert running is not None
        return running

    def total(self, values: Tensor) -> list[float]:
        """float64[n] summed over the processes."""
        self.add_up([values])
        return [float(value) for value in values.tolist()]

    def any_process(self, here: bool, device: torch.device) -> bool:
        """Whether `here` is true in any process."""
        if self.size == 1:
            return here
        import torch

        return self.total(torch.tensor([here], dtype=torch.float64, device=device))[0] > 0

    def broadcast_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Copy the values of the first process to all others."""
        if self.size > 1:
            from torch.distributed import broadcast

            for tensor in tensors:
                broadcast(tensor, 0)

    def wait(self) -> None:
        """Return when every process has called this."""
        if self.size > 1:
            from torch.distributed import barrier

            barrier()


@cache
def team() -> Team:
    """The processes that the launcher started, connected at the first call; without a launcher only this one."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Team()
    import torch
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    return Team(state.process_index, state.num_processes)


def is_worker() -> bool:
    """Whether `launch` started this process."""
    return "LOCAL_RANK" in os.environ


def launch(module: str, arguments: Sequence[str], count: int) -> None:
    """Run `python -m module arguments` in `count` processes that form a team; exit with their code if it is not 0."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    code = subprocess.run([*command, "-m", module, *arguments]).returncode
    if code:
        sys.exit(code)
