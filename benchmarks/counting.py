"""Counts what a training step makes the device do: operators, and places where the CPU would wait for a GPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

# operators whose result, or its shape, depends on values, so that the CPU must read them
_READING = {"_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "bincount", "unique_consecutive"}
_READING |= {"_unique", "_unique2", "unique_dim", "unique_dim_consecutive", "repeat_interleave", "argwhere"}
_CALLS = {
    "tolist",
    "item",
    "numpy",
    "cpu",
    "__bool__",
    "__int__",
    "__float__",
    "__index__",
    "__array__",
    "__contains__",
}


@dataclass
class Counts:
    """operators: all that ran, by name. reads: those among them, and methods of tensors, that read values.

    calls: the operators in order, each with its arguments and results, of which tensors are given by dtype and shape.
    """

    operators: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    calls: list[str] = field(default_factory=list)


@contextmanager
def counting() -> Iterator[Counts]:
    """Count in this thread and in backward passes that it starts on the CPU."""
    counts = Counts()
    with _Calls(counts), _Operators(counts):
        yield counts


class _Operators(TorchDispatchMode):
    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self.counts = counts

    def __torch_dispatch__(self, function: Any, types: Any, given: Any = (), options: Any = None) -> Any:
        name = function.overloadpacket.__name__
        self.counts.operators[name] += 1
        if name in _READING or (name in ("index", "index_put", "index_put_") and _by_mask(given[1])):
            self.counts.reads[name] += 1
        found = function(*given, **(options or {}))
        if function.namespace != "profiler":
            self.counts.calls.append(f"{function}{tree_map_only(torch.Tensor, _shape, (given, options, found))}")
        return found


class _Calls(TorchFunctionMode):
    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self.counts = counts

    def __torch_function__(self, function: Any, types: Any, given: Any = (), options: Any = None) -> Any:
        name = getattr(function, "__name__", "")
        if name in _CALLS:
            self.counts.reads[name] += 1
        return function(*given, **(options or {}))


def _shape(tensor: torch.Tensor) -> str:
    return f"{tensor.dtype}{[*tensor.shape]}"


def _by_mask(indices: Any) -> bool:
    return any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in indices)
