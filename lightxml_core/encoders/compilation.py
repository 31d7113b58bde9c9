"""A function on tensors compiled by torch for each shape that it gets; as it is where that is not possible."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
import torch._functorch.config

log = logging.getLogger(__name__)
BACKEND = "inductor"
_SHAPES = 64  # torch's own limit of 8 is too low: each length occurs with and without padding


class Compiled:
    """Calls a compiled function for batches of one size, and the function itself for others, so shapes stay few."""

    def __init__(self, function: Callable[..., Any], batch: int, graphs: bool) -> None:
        """batch: the number of documents compiled for. graphs: record CUDA graphs on a GPU."""
        _fail_when_called()
        self.function, self.batch = function, batch
        how: dict[str, Any] = {"mode": "reduce-overhead"} if graphs and BACKEND == "inductor" else {"backend": BACKEND}
        self.compiled: Callable[..., Any] | None = torch.compile(function, dynamic=False, **how)

    def __call__(self, documents: int, *given: Any) -> Any:
        """The function of `given`, which hold that many documents. If it cannot be compiled, the log says so once."""
        if self.compiled is None or documents != self.batch:
            return self.function(*given)
        try:
            torch.compiler.cudagraph_mark_step_begin()
            return self.compiled(*given)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # compilers fail in many ways
            log.warning("the encoder is not compiled, because that failed: %s", str(error).strip().split("\n")[0])
            self.compiled = None
            return self.function(*given)

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """A copy of the module, such as the mean of its weights, is not compiled."""
        return None


def _fail_when_called() -> None:
    """Make torch compile the backward pass together with the forward pass, and raise an error for too many shapes.

    By default the backward pass is compiled when it first runs. A failure there cannot be handled by running the
    layers without compilation. And after too many shapes, torch runs further ones uncompiled without saying so.
    """
    torch._functorch.config.force_non_lazy_backward_lowering = True
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, _SHAPES)
    torch._dynamo.config.fail_on_recompile_limit_hit = True
