"""X-Transformer end to end on a planted corpus; its parts are tested in test_linear.py and test_lightxml_heads.py."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.errors import InputError
from lightxml_core.evaluation import metrics
from lightxml_core.features.text import build_tfidf
from lightxml_core.methods import TestData, TrainingData, changed, flatten, of_stored
from lightxml_core.methods.transformer.settings import FORMER
from lightxml_core.methods.xtransformer import Settings, fit, needs, predict
from lightxml_core.methods.xtransformer.matcher import label_clusters
from tests.helpers.planted import (
    FAST,
    LABELS,
    LEARNS,
    documents,
    encoded,
    log_after_a_kill,
)

TINY = changed(Settings(), **LEARNS, max_leaf=4, clusters_kept=3)


@dataclass(frozen=True)
class Corpus:
    data: TrainingData
    test: TestData
    Y_tst: sparse.csr_matrix


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    planted = encoded(tmp_path_factory.mktemp("corpus"), 200, 60, ("bert", "roberta"))
    X, X_tst, _ = build_tfidf(documents(200, 1)[0], documents(60, 2)[0], FeatureSettings())
    names = [f"{'bcdfgk'[label % 6]}{'aeiou'[label // 6]}z" for label in range(LABELS)]
    data = replace(planted.data("bert", FAST), X=X, names=names)
    return Corpus(data, replace(planted.test("bert"), X=X_tst), planted.Y_tst)


def trained(corpus: Corpus, chosen: Settings, folder: Path) -> sparse.csr_matrix:
    torch.set_num_threads(1)
    fit(corpus.data, chosen, folder / "model", True)
    return predict(folder / "model", corpus.test, 10)


@pytest.mark.parametrize(
    ("embedding", "precision"), [("tfidf", "fp32"), ("encoder", "fp32"), ("text", "fp32"), ("tfidf", "bf16")]
)
def test_it_learns_from_every_label_embedding(embedding: Any, precision: Any, corpus: Corpus, tmp_path: Path) -> None:
    chosen = changed(TINY, embedding=embedding, precision=precision)
    found = trained(corpus, chosen, tmp_path)
    assert 100 * metrics.precision(metrics.rank(found, corpus.Y_tst, 1), 1) > 80
    clusters = label_clusters(corpus.data, chosen)
    assert (clusters.sum(axis=1) == 1).all() and 1 <= clusters.sum(axis=0).max() <= 4
    assert not (tmp_path / "matcher").exists() and not (tmp_path / "model/tokenizer.json").exists()


@pytest.mark.parametrize("embedding", ["encoder", "text"])
def test_it_learns_with_the_settings_of_the_released_code(embedding: Any, corpus: Corpus, tmp_path: Path) -> None:
    released: dict[str, Any] = {"position": "pooled", "pifa": "by_labels", "eps_corrected": False, "bucket": 1}
    chosen = changed(TINY, embedding=embedding, layers=1, **released)
    found = trained(corpus, chosen, tmp_path)
    assert 100 * metrics.precision(metrics.rank(found, corpus.Y_tst, 1), 1) > 70
    read_as_means = changed(chosen, position="mean")
    assert (label_clusters(corpus.data, chosen) != label_clusters(corpus.data, read_as_means)).nnz == 0


def test_another_encoder_can_read_the_names_of_the_labels(corpus: Corpus) -> None:
    own = changed(TINY, embedding="text")
    chosen = changed(own, names_backbone="other")
    assert needs(chosen) - needs(own) == {"names_encoder"} and needs(changed(chosen, embedding="tfidf")) == needs(own)
    assert corpus.data.encoder is not None
    data = replace(corpus.data, names_encoder=corpus.data.encoder.parent / "roberta")
    alone = replace(corpus.data, encoder=data.names_encoder)
    found, expected = (label_clusters(given, chosen).indices.tolist() for given in (data, alone))
    assert found == expected != label_clusters(corpus.data, own).indices.tolist()
    same = [label_clusters(given, changed(TINY, embedding="encoder")).indices for given in (data, corpus.data)]
    assert same[0].tolist() == same[1].tolist(), "documents are read by the member's own"


def test_label_embeddings_differ(corpus: Corpus) -> None:
    found = [label_clusters(corpus.data, changed(TINY, embedding=e)).indices for e in ("tfidf", "encoder", "text")]
    assert len({tuple(clusters) for clusters in found}) == 3


@pytest.mark.parametrize("when", [6, 21], ids=["in the matcher", "among the rankers"])
def test_killed_anywhere_it_resumes_to_the_same_bytes(when: int, corpus: Corpus, tmp_path: Path) -> None:
    """13 steps of the matcher, 4 batches of vectors, 8 clusters."""
    chosen = changed(TINY, epochs=1, checkpoint_minutes=0.0)
    log = log_after_a_kill(lambda folder: trained(corpus, chosen, folder), when, tmp_path)
    assert [line["step"] for line in log if line["kind"] == "step"] == list(range(1, 14))
    assert log[-1]["phase"] == "rankers" and log[-1]["labels"] == LABELS


def test_scores_can_be_those_of_the_rankers_alone(corpus: Corpus, tmp_path: Path) -> None:
    chosen = changed(TINY, epochs=2, combine="ranker", listed=4)
    found = trained(corpus, chosen, tmp_path)
    assert np.diff(found.indptr).tolist() == [4] * 60 and found.data.min() > 0 and found.data.max() < 1


def test_a_model_of_an_earlier_version_keeps_its_settings() -> None:
    """It has settings that were removed: of LightXML's clustered head, and of the first epochs."""
    former = {"protocol": "clean", "head": "flat", "bottleneck": 400, "two_step": False, "short_epochs": 0}
    assert of_stored(Settings(), {**former, **flatten(TINY)}, FORMER) == TINY


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="`position: pooled` needs `layers: 1`"):
        changed(TINY, position="pooled", layers=2)
    with pytest.raises(InputError, match="unknown setting 'head'"):
        changed(TINY, head="flat")
    with pytest.raises(InputError, match="select: expected one of last, validation"):
        changed(TINY, select="test")
    with pytest.raises(InputError, match="listed must be at least 1"):
        changed(TINY, listed=0)
