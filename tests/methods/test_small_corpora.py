"""Every method for users' data on the smallest possible corpora, with the shipped settings made faster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from lightxml_core.clustering.balanced import balanced_clusters
from lightxml_core.corpus.labels import label_frequencies, ones_matrix
from lightxml_core.corpus.split import validation_rows
from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.encoders.scratch import Kind, ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import load_tokens, tokenize
from lightxml_core.features.labels import label_features
from lightxml_core.features.text import build_tfidf
from lightxml_core.methods import (
    BaseSettings,
    TestData,
    TrainingData,
    flatten,
    implementations,
    load_method,
    make_settings,
    setting_types,
)
from lightxml_core.registry import load_registry, read_config
from tests.helpers.project import ROOT

OWN_DATA = (
    *("lightxml-fast", "lightxml-fast-clustered", "lightxml-demo", "attentionxml-small", "xtransformer-small"),
    *("lightdxml-small", "one-vs-rest", "parabel", "bonsai", "knn", "popularity"),
)
DATASET = "eurlex-4k-small"  # like a user's dataset: no method has settings for it
REGISTRY = load_registry(ROOT, read_config(ROOT / "config.yaml"))
MEMBERS = [(method, member) for method in OWN_DATA for member in REGISTRY.members(method, DATASET)]
IDS = [f"{method}, {member}" for method, member in MEMBERS]
QUICK: dict[str, Any] = {"max_tokens": 16, "epochs": 1, "hidden": 8, "width": 8, "label_epochs": 1, "label_hidden": 8}


@dataclass(frozen=True)
class Documents:
    """Training and test documents: a text and its labels, numbered below `labels`."""

    labels: int
    trn: list[tuple[str, list[int]]]
    tst: list[tuple[str, list[int]]]


def planted(count: int, tests: int, labels: int, seed: int = 0) -> Documents:
    """Documents with one or two labels, each of which has its own word."""
    random = np.random.default_rng(seed)

    def document() -> tuple[str, list[int]]:
        own = sorted({*random.integers(0, labels, 2).tolist()})
        return " ".join([f"topic{label}" for label in own] + random.choice(["the", "is", "was", "of"], 4).tolist()), own

    return Documents(labels, [document() for _ in range(count)], [document() for _ in range(tests)])


CORPORA: dict[str, Callable[[], Documents]] = {
    "5 labels and 60 documents": lambda: planted(48, 12, 5),
    "one label": lambda: planted(20, 5, 1),
    "200 documents": lambda: planted(160, 40, 30),
    "more labels than documents": lambda: planted(20, 10, 90),
    "one test document": lambda: planted(30, 1, 6),
    "one training document": lambda: planted(1, 3, 4),
    "two training documents": lambda: planted(2, 3, 4),
    "three training documents": lambda: planted(3, 3, 4),
    "all with the same labels": lambda: Documents(
        3, [(text, [0, 2]) for text, _ in planted(20, 0, 3).trn], [(text, [0, 2]) for text, _ in planted(5, 0, 3).trn]
    ),
    "an empty text": lambda: Documents(4, [("", [0]), *planted(20, 0, 4).trn], [("", [1]), *planted(5, 0, 4).trn]),
}


class Prepared:
    """The outputs of the stages before training for some documents."""

    def __init__(self, documents: Documents, folder: Path) -> None:
        self.documents, self.folder = documents, folder
        self.texts, self.Y = _part(documents.trn, documents.labels)
        self.texts_tst, self.Y_tst = _part(documents.tst, documents.labels)
        self.X, self.X_tst, _ = build_tfidf(self.texts, self.texts_tst, FeatureSettings())

    def training(self, settings: BaseSettings, needs: frozenset[str]) -> TrainingData:
        encoder = self._encoder(settings) if "tokens" in needs else None
        return TrainingData(
            Y=self.Y,
            X=self.X if "tfidf" in needs else None,
            tokens=load_tokens(encoder, "trn") if encoder else None,
            clusters=self._clusters(settings) if "clusters" in needs else None,
            encoder=encoder,
            names=[f"topic{label}" for label in range(self.documents.labels)] if "names" in needs else None,
            validation=validation_rows(self.Y, None, 0, ""),
        )

    def test(self, settings: BaseSettings, needs: frozenset[str]) -> TestData:
        tokens = load_tokens(self._encoder(settings), "tst") if "tokens" in needs else None
        X = self.X_tst if "tfidf" in needs else None
        return TestData(X=X, tokens=tokens, documents=len(self.texts_tst))

    def _encoder(self, settings: Any) -> Path:
        """An encoder from scratch, as deep as MiniLM, with the tokens of both parts beside it."""
        kind: Kind = "words" if flatten(settings)["backbone"] == "words" else "bert"
        folder = self.folder / kind
        if not folder.is_dir():
            build_scratch(ScratchConfig(kind, 300, 8, 6, 2, 32), self.texts, folder)
            for part, texts in (("trn", self.texts), ("tst", self.texts_tst)):
                tokenize(texts, folder, flatten(settings)["max_tokens"], "plain", folder, part)
        return folder

    def _clusters(self, settings: Any) -> sparse.csr_matrix:
        values = flatten(settings)
        return balanced_clusters(label_features(self.X, self.Y), values["max_leaf"], values["tree"])


def _part(documents: list[tuple[str, list[int]]], labels: int) -> tuple[list[str], sparse.csr_matrix]:
    flat = np.array([label for _, own in documents for label in own], np.int64)
    offsets = np.concatenate([[0], np.cumsum([len(own) for _, own in documents])])
    return [text for text, _ in documents], ones_matrix(flat, offsets, labels)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Prepared]:
    return cache(lambda name: Prepared(CORPORA[name](), tmp_path_factory.mktemp("corpus")))


def quick(method: str, member: str, **changes: Any) -> tuple[str, BaseSettings]:
    """A shipped member's implementation and settings, smaller where that takes the same path through the code."""
    implementation, shipped = REGISTRY.methods[method].implementation, REGISTRY.settings(method, DATASET, member)
    known = setting_types(load_method(implementation).Settings)
    smaller = {key: value for key, value in QUICK.items() if key in known}
    return implementation, make_settings(load_method(implementation), {**shipped, **smaller, **changes})


def predicted(
    corpus: Prepared, method: str, member: str, folder: Path, top_k: int, **changes: Any
) -> sparse.csr_matrix:
    torch.set_num_threads(1)
    implementation, settings = quick(method, member, **changes)
    module = load_method(implementation)
    needs = module.needs(settings)
    module.fit(corpus.training(settings, needs), settings, folder / "model", True)
    return module.predict(folder / "model", corpus.test(settings, needs), top_k)


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize(("method", "member"), MEMBERS, ids=IDS)
def test_every_method_for_users_data_runs_on_every_small_corpus(
    method: str, member: str, name: str, prepared: Callable[[str], Prepared], tmp_path: Path
) -> None:
    corpus = prepared(name)
    found = predicted(corpus, method, member, tmp_path, 100)
    assert found.shape == corpus.Y_tst.shape and found.dtype == np.float32 and found.has_canonical_format
    assert np.isfinite(found.data).all() and found.nnz > 0
    unseen = np.flatnonzero(label_frequencies(corpus.Y) == 0)
    assert found[:, unseen].nnz == 0  # no method here uses the names of labels


def test_every_implementation_is_among_the_tested_methods() -> None:
    tested = {REGISTRY.methods[method].implementation for method in OWN_DATA}
    assert tested == {*implementations()} - {"blend"}  # which reads predictions, not documents: test_blend.py
