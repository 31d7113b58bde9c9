"""Choose the fastest of transformers' attention implementations for the device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_ON_CPU = "sdpa-float32-gradients"


def attention(config: Any, dropout: bool) -> str:
    """Name of the attention implementation for an encoder of this configuration.

    dropout: attention dropout is active in training.

    Measured on CPUs: SDPA with attention dropout takes a slower path than eager, and SDPA's backward pass in bfloat16
    takes 4 to 7 times as long as in float32.
    """
    from transformers import AttentionInterface, AttentionMaskInterface, AutoModel
    from transformers.masking_utils import sdpa_mask

    family = AutoModel._model_mapping.get(type(config), None)
    if not getattr(family, "_supports_sdpa", False):
        return "eager"
    if torch.cuda.is_available():
        return "sdpa"
    AttentionInterface.register(_ON_CPU, _float32_gradients)
    AttentionMaskInterface.register(_ON_CPU, sdpa_mask)
    return "eager" if dropout else _ON_CPU


def _float32_gradients(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """transformers' SDPA, float[B, T, heads, d] from float[B, heads, T, d]; in float32 if gradients are needed."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    dtype = torch.float32 if torch.is_grad_enabled() else query.dtype
    with torch.autocast(query.device.type, enabled=False):
        states = (query.to(dtype), key.to(dtype), value.to(dtype))
        found, weights = sdpa_attention_forward(module, *states, attention_mask, **options)
    return found.to(query.dtype), weights
