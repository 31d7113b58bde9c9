"""The attention masks that the encoders are given, against those that transformers would make."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel

from lightxml_core.encoders.backbone import Backbone

PAD = 1


def encoder(kind: str) -> Any:
    """A tiny one with random weights."""
    torch.manual_seed(3)
    if kind == "xlnet":
        sizes: dict[str, Any] = {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 16, "use_mems_train": False}
    else:
        sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    return AutoModel.from_config(AutoConfig.for_model(kind, vocab_size=50, pad_token_id=PAD, **sizes))


def batch(*lengths: int) -> tuple[Tensor, Tensor]:
    """int64[B, T] ids, padded at the end, and bool[B, T]."""
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    ids = torch.randint(5, 50, mask.shape, generator=torch.Generator().manual_seed(1))
    return torch.where(mask, ids, PAD), mask


@pytest.mark.parametrize("kind", ["bert", "roberta", "mpnet", "xlnet"])
def test_states_are_those_of_the_mask_that_transformers_makes(kind: str) -> None:
    backbone = Backbone(encoder(kind).eval(), 2, "class").eval()
    for lengths in ((6, 6, 6), (6, 3, 4)):
        ids, mask = batch(*lengths)
        theirs = backbone.encoder(input_ids=ids, attention_mask=mask.long(), output_hidden_states=True).hidden_states
        for given in [mask, None] if len(set(lengths)) == 1 else [mask]:
            states = backbone.states(ids, given)
            assert len(states) == len(theirs) == 3
            for own, expected in zip(states, theirs, strict=True):
                torch.testing.assert_close(own[mask], expected[mask], rtol=1e-5, atol=1e-6)


def test_padding_is_seen_by_the_states() -> None:
    """Otherwise the comparison above would show nothing."""
    backbone = Backbone(encoder("bert").eval(), 2, "class").eval()
    ids, mask = batch(6, 3, 4)
    assert not torch.allclose(backbone.states(ids, None)[-1][mask], backbone.states(ids, mask)[-1][mask], atol=1e-4)
