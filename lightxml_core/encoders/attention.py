"""Choose the fastest of transformers' attention implementations for the device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lightxml_core.encoders.packing import Packing

_ON_CPU = "sdpa-float32-gradients"
_PACKED = "sdpa-or-packed"


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
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """transformers' SDPA, float[B, T, heads, d] from float[B, heads, T, d]; in float32 if gradients are needed."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    dtype = torch.float32 if torch.is_grad_enabled() else query.dtype
    with torch.autocast(query.device.type, enabled=False):
        states = (query.to(dtype), key.to(dtype), value.to(dtype))
        found, weights = sdpa_attention_forward(module, *states, attention_mask, **options)
    return found.to(query.dtype), weights


def why_not_packed(encoder: Any, device: torch.device, dtype: torch.dtype | None) -> str | None:
    """Why packed documents cannot be passed through an encoder; None if they can.

    dtype: that of autocast, None without it. A GPU needs torch's attention for documents of various lengths,
    `varlen_attn`. It wraps the FlashAttention kernels, which compute in 16 bits, and has no dropout. A CPU uses a mask.
    """
    config = encoder.config
    if config.model_type not in ("bert", "roberta"):
        return f"encoders of the type {config.model_type} have attention of another kind"
    if device.type == "cpu":
        return None
    if config.attention_probs_dropout_prob:
        return "torch's attention for packed documents has no dropout: set `encoder_dropout: false`"
    if dtype is None or torch.cuda.get_device_capability(device) < (8, 0):
        return "it needs 16 bits and an NVIDIA GPU of compute capability 8.0 or higher"
    if config.hidden_size // config.num_attention_heads % 8:
        return "FlashAttention needs heads whose width is a multiple of 8"
    if not torch.backends.cuda.is_flash_attention_available():
        return "torch was built without FlashAttention"
    try:
        from torch.nn.attention.varlen import varlen_attn  # noqa: F401  # imported only to see whether this torch has it
    except ImportError:
        return f"torch {torch.__version__} has no torch.nn.attention.varlen"
    return None


def attend_within_documents(encoder: Any) -> None:
    """Make the attention of a transformers encoder on a GPU accept a `Packing` in place of a mask."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_PACKED, _sdpa_or_packed)
    AttentionMaskInterface.register(_PACKED, sdpa_mask)
    encoder.set_attn_implementation(_PACKED)


def _sdpa_or_packed(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **options: Any
) -> tuple[Tensor, None]:
    """float[B, T, heads, d] from float[B, heads, T, d], by transformers' SDPA or, for a `Packing`, by `varlen_attn`.

    For packed documents B is 1.
    """
    if isinstance(attention_mask, Packing):
        from torch.nn.attention.varlen import varlen_attn

        query, key, value = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
        within, longest = attention_mask.offsets, attention_mask.longest
        found = varlen_attn(query, key, value, within, within, longest, longest)
        assert isinstance(found, Tensor)
        return found.unsqueeze(0), None
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
