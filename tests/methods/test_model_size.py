"""The sizes of the largest models, built without allocating memory, against the published figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from transformers import BertConfig

from lightxml_core.methods.lightxml.model import build_model
from lightxml_core.registry import load_registry, read_config
from tests.helpers.project import ROOT

POOLER = 4 * (768 * 768 + 768)  # bytes; the released code also saves BERT's unused pooler, this code does not


@pytest.mark.parametrize(("dataset", "labels", "one"), [("amazon-670k", 670_091, 1.529), ("wiki-500k", 501_008, 1.465)])
def test_models_of_the_two_large_datasets_have_the_published_size(
    dataset: str, labels: int, one: float, tmp_path: Path
) -> None:
    BertConfig().save_pretrained(tmp_path)  # of transformers: the configuration of bert-base-uncased
    cluster = np.arange(labels) * 8192 // labels
    clusters = sparse.csr_matrix((np.ones(labels, np.float32), (np.arange(labels), cluster)), shape=(labels, 8192))
    registry = load_registry(ROOT, read_config(ROOT / "config.yaml"))
    settings: Any = registry.made("lightxml", dataset, "tree0")
    with torch.device("meta"):
        model = build_model(settings, tmp_path, labels, clusters, pretrained=False)
    state = model.state_dict()
    assert state["backbone.encoder.embeddings.word_embeddings.weight"].is_meta and state["head.table"].is_meta
    gib = (sum(value.numel() * value.element_size() for value in state.values()) + POOLER) / 2**30
    assert gib == pytest.approx(one, abs=0.0005)
    if dataset == "amazon-670k":
        assert round(3 * gib, 2) == 4.59
