"""Documents packed into one row, against the same documents padded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.attention import varlen
from torch.nn.functional import scaled_dot_product_attention

from lightxml_core.encoders.attention import attend_within_documents, why_not_packed
from lightxml_core.encoders.backbone import Backbone, Mask, Position
from lightxml_core.encoders.packing import Packer
from lightxml_core.encoders.tokens import TokenisedPart
from tests.encoders.test_masks import PAD, encoder

BACKBONES: dict[tuple[str, Position], Backbone] = {}


def backbone(kind: str, position: Position) -> Backbone:
    if (kind, position) not in BACKBONES:
        BACKBONES[kind, position] = Backbone(encoder(kind), 1 if position == "pooled" else 2, position).eval()
    return BACKBONES[kind, position]


def features(read: Backbone, ids: Tensor, mask: Mask) -> list[Tensor]:
    """float32[B, width], then the gradient of a weighted sum of them for every parameter."""
    read.zero_grad()
    found = read(ids, mask)
    (found * torch.linspace(-1.0, 1.0, found.numel()).view_as(found)).sum().backward()
    return [found.detach(), *(p.grad.clone() for p in read.parameters() if p.grad is not None)]


def tokens(lengths: list[int]) -> TokenisedPart:
    ids = np.random.default_rng(len(lengths)).integers(5, 50, sum(lengths)).astype(np.int32)
    return TokenisedPart(ids, np.concatenate([[0], np.cumsum(lengths)]))


def assert_packed_as_padded(read: Backbone, lengths: list[int], batch: int) -> None:
    part = tokens(lengths)
    rows = np.random.default_rng(1).permutation(len(lengths))
    padded, mask = (torch.from_numpy(array) for array in part.pad(rows, PAD))
    ids, packing = Packer.of(part.lengths, batch).pack(part, rows, PAD)
    assert ids.shape[1] % 8 == 0 and ids.shape == packing.positions.shape
    pieces = packing.offsets.diff()
    assert pieces[: len(rows)].tolist() == part.lengths[rows].tolist() and int(pieces.sum()) == ids.shape[1]
    assert 0 <= int(pieces.min()) <= int(pieces.max()) <= packing.longest
    expected, found = features(read, padded, mask), features(read, ids, packing)
    assert len(expected) == len(found) > 10
    for theirs, own in zip(expected, found, strict=True):
        torch.testing.assert_close(own, theirs, rtol=1e-4, atol=2e-5)


@given(
    lengths=st.lists(st.integers(1, 21), min_size=1, max_size=20),
    kind=st.sampled_from(["bert", "roberta"]),
    position=st.sampled_from(["first", "class", "mean", "pooled"]),
)
@settings(max_examples=25, deadline=None)
def test_features_and_gradients_are_those_of_padded_documents(
    lengths: list[int], kind: str, position: Position
) -> None:
    assert_packed_as_padded(backbone(kind, position), lengths, len(lengths))


def test_rows_have_few_lengths() -> None:
    part, random = tokens([*range(1, 65)]), np.random.default_rng(0)
    packer = Packer.of(part.lengths, 40)
    shapes = set()
    for _ in range(200):
        ids, packing = packer.pack(part, random.choice(64, 40), PAD)
        shapes.add((ids.shape, packing.offsets.shape))
    assert 1 < len(shapes) <= 16 and len({offsets for _, offsets in shapes}) == 1


def test_attention_on_a_gpu_gets_the_documents_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel itself runs on GPUs only. Here a loop over the documents replaces it."""
    calls = []

    def each(query: Tensor, key: Tensor, value: Tensor, of_q: Tensor, of_k: Tensor, q: int, k: int) -> Tensor:
        assert of_q is of_k and q == k and of_q.dtype == torch.int32 and query.is_contiguous()
        calls.append(q)
        sizes = of_q.diff().tolist()
        parts = zip(*(tensor.transpose(0, 1).split(sizes, 1) for tensor in (query, key, value)), strict=True)
        return torch.cat([scaled_dot_product_attention(*part) for part in parts], 1).transpose(0, 1)

    monkeypatch.setattr(varlen, "varlen_attn", each)
    read = Backbone(encoder("bert"), 2, "class").eval()
    attend_within_documents(read.encoder)
    read.attends_within = True
    assert_packed_as_padded(read, [5, 13, 1, 8], 32)
    assert calls == [16, 16]


@pytest.mark.parametrize(
    ("kind", "dropout", "dtype", "capability", "why"),
    [
        ("bert", 0.0, torch.bfloat16, (9, 0), None),
        ("roberta", 0.0, torch.bfloat16, (8, 0), None),
        ("xlnet", 0.0, torch.bfloat16, (9, 0), "type xlnet"),
        ("mpnet", 0.0, torch.bfloat16, (9, 0), "type mpnet"),
        ("bert", 0.1, torch.bfloat16, (9, 0), "no dropout"),
        ("bert", 0.0, None, (9, 0), "16 bits"),
        ("bert", 0.0, torch.float16, (7, 5), "16 bits"),
    ],
)
def test_what_a_gpu_cannot_pack_is_named(
    kind: str, dropout: float, dtype: Any, capability: tuple[int, int], why: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _device: capability)
    monkeypatch.setattr("torch.backends.cuda.is_flash_attention_available", lambda: True)
    made = encoder(kind)
    made.config.attention_probs_dropout_prob = dropout
    found = why_not_packed(made, torch.device("cuda"), dtype)
    assert found is None if why is None else why in str(found)
    monkeypatch.setattr("torch.backends.cuda.is_flash_attention_available", lambda: False)
    assert why is not None or "without FlashAttention" in str(why_not_packed(made, torch.device("cuda"), dtype))
