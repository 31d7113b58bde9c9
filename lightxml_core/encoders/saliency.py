"""Which tokens a score depends on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn


def gradient_times_input(table: nn.Module, scores: Callable[[], Tensor]) -> np.ndarray:
    """float32[K, T]: for each score and token the gradient of the score times the token's embedding, a dot product.

    table: the embedding layer that `scores` runs once, on one document of T tokens. scores: float[K].
    Source: Shrikumar et al., arXiv 1605.01713. It is the first-order change of the score if the embedding became zero.
    """
    held: list[Tensor] = []

    def hold(_table: nn.Module, _ids: object, embeddings: Tensor) -> None:
        held.append(embeddings if embeddings.requires_grad else embeddings.requires_grad_())

    hook = table.register_forward_hook(hold)
    try:
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):  # of cuDNN, networks in training alone
            found = scores()
            gradients = [torch.autograd.grad(score, held[0], retain_graph=True)[0] for score in found]
    finally:
        hook.remove()
    shares = [(gradient * held[0]).sum(-1).flatten() for gradient in gradients]
    return np.stack([share.detach().float().cpu().numpy() for share in shares])
