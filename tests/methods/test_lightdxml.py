"""LightDXML: losses, shortlist and mixture against slow reference code, and end to end on a planted corpus."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn

from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.errors import InputError
from lightxml_core.evaluation.metrics import precision, rank
from lightxml_core.features.text import build_tfidf
from lightxml_core.methods import TestData, TrainingData
from lightxml_core.methods.lightdxml import Settings, fit, predict
from lightxml_core.methods.lightdxml.labels import LabelIndex, LabelNet, centroids, pairs_of, proxy_loss
from lightxml_core.methods.lightdxml.model import LightDXML
from lightxml_core.methods.lightdxml.prediction import load_model
from lightxml_core.training.optimisers import adamw
from tests.helpers.planted import documents, log_after_a_kill
from tests.helpers.project import ROOT

TINY = Settings(
    width=24,
    dropout=0.1,
    epochs=24,
    refresh=8,
    label_epochs=4,
    label_batch=50,
    label_hidden=32,
    neighbours=20,
    links=8,
    search_effort=40,
    batch=20,
    lr=0.03,
    decay_epochs=16,
)


@pytest.fixture(scope="module")
def corpus() -> tuple[TrainingData, TestData, sparse.csr_matrix]:
    (texts, Y), (texts_tst, Y_tst) = documents(200, 1), documents(60, 2)
    X, X_tst, _ = build_tfidf(texts, texts_tst, FeatureSettings())
    return TrainingData(Y=Y, X=X), TestData(X=X_tst), Y_tst


def tiny_model(features: int = 12, labels: int = 9) -> LightDXML:
    torch.manual_seed(2)
    return LightDXML(features, labels, width=6, dropout=0.0)


def test_the_encoding_follows_the_equations() -> None:
    model = tiny_model()
    nn.init.normal_(model.residual.weight)
    X = sparse.random(5, 12, 0.4, "csr", np.float32, np.random.default_rng(1)).toarray()
    X[3] = 0
    X = sparse.csr_matrix(X)
    found = model.encode(X).detach()
    for i in range(5):
        summed = sum((X[i, j] * model.tokens.weight[j] for j in X[i].indices), start=torch.zeros(6))
        hidden = torch.clamp(summed, min=0)
        expected = hidden + torch.clamp(model.residual.weight @ hidden + model.residual.bias, min=0)
        torch.testing.assert_close(found[i], expected.detach(), rtol=1e-5, atol=1e-6)


def test_loss_and_gradients_agree_with_a_loop_over_documents() -> None:
    model, random = tiny_model(), np.random.default_rng(0)
    X = sparse.random(4, 12, 0.4, "csr", np.float32, random)
    Y = sparse.csr_matrix((random.random((4, 9)) < 0.3).astype(np.float32))
    shortlist = np.array([[0, 3, 5], [1, -1, 2], [8, 7, -1], [4, 4 - 1, 6]])
    found = model.loss(X, Y, shortlist).total
    found.backward()
    gradients = {name: p.grad.to_dense() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    total = torch.zeros(())
    encoded = model.encode(X)
    for i in range(4):
        for label in sorted(({*shortlist[i].tolist()} | {*Y[i].indices.tolist()}) - {-1}):
            logit = model.classifiers.weight[label, :-1] @ encoded[i] + model.classifiers.weight[label, -1]
            p = torch.sigmoid(logit)
            total = total - (torch.log(p) if Y[i, label] else torch.log(1 - p))
    (total / 4).backward()
    assert found.item() == pytest.approx((total / 4).item(), rel=1e-5)
    for name, p in model.named_parameters():
        if p.grad is not None:
            torch.testing.assert_close(gradients[name], p.grad.to_dense(), rtol=1e-4, atol=1e-6)


def test_the_proxy_loss_is_the_mean_over_pairs() -> None:
    random = np.random.default_rng(5)
    Y = sparse.csr_matrix((random.random((6, 4)) < 0.4).astype(np.float32))
    encoded = torch.from_numpy(random.normal(size=(6, 3)).astype(np.float32))
    start = centroids(encoded, Y)
    for label in range(4):
        own = [encoded[i] for i in range(6) if Y[i, label]]
        torch.testing.assert_close(start[label], torch.stack(own).mean(0) if own else torch.zeros(3))
    net, (documents, labels) = nn.Linear(3, 3), pairs_of(Y)
    pairs = [(i, label) for i in range(6) for label in range(4) if Y[i, label]]
    assert list(zip(documents.tolist(), labels.tolist(), strict=True)) == pairs
    some = [5, 1, 3]
    expected = [torch.log(1 + ((net(start[pairs[n][1]]) - encoded[pairs[n][0]]) ** 2).sum()) for n in some]
    found = proxy_loss(net, start, encoded, documents[some], labels[some])
    torch.testing.assert_close(found, torch.stack(expected).mean())


@pytest.mark.parametrize("labels", ["trained", "centroid"])
def test_labels_without_documents_are_never_found(labels: Any) -> None:
    random = np.random.default_rng(6)
    Y = sparse.csr_matrix((random.random((40, 12)) < 0.2) * (np.arange(12) % 3 > 0), dtype=np.float32)
    encoded = torch.from_numpy(random.random((40, 24)).astype(np.float32))
    chosen = replace(TINY, labels=labels)
    embeddings = LabelNet(chosen, encoded.device).embeddings(encoded, Y, 0)
    found, cosines = LabelIndex(embeddings, chosen).nearest(encoded)
    assert found.shape == (40, 8) and {*found.ravel()} == {1, 2, 4, 5, 7, 8, 10, 11}
    exact = nn.functional.cosine_similarity(encoded[3], embeddings[found[3]])
    np.testing.assert_allclose(cosines[3], exact, rtol=1e-5)
    assert LabelIndex(torch.zeros(12, 24), chosen).nearest(encoded)[0].shape == (40, 0)


def test_label_layers_improve_from_cycle_to_cycle() -> None:
    """They move closer to the documents."""
    random = np.random.default_rng(7)
    Y = sparse.csr_matrix(random.random((60, 8)) < 0.2, dtype=np.float32)
    encoded = torch.from_numpy(random.random((60, 24)).astype(np.float32))
    net, losses = LabelNet(replace(TINY, label_epochs=2), encoded.device), []
    for cycle in range(4):
        net.embeddings(encoded, Y, cycle)
        losses.append(proxy_loss(net.net, centroids(encoded, Y), encoded, *pairs_of(Y)).item())
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize(
    ("epochs", "every", "expected"),
    [(36, 14, (14, 21, 25, 30, 35)), (14, 14, ()), (20, 7, (7, 10, 15)), (8, 2, (2, 5))],
)
def test_the_rate_decays_at_the_epochs_of_the_authors_code(epochs: int, every: int, expected: tuple[int, ...]) -> None:
    assert replace(TINY, epochs=epochs, decay_epochs=every).decay_at == expected


def test_nearly_all_approximate_neighbours_are_exact() -> None:
    torch.manual_seed(0)
    embeddings, queries = torch.randn(2000, 16), torch.randn(50, 16)
    chosen = Settings(neighbours=100, links=32, search_effort=200)
    found, cosines = LabelIndex(embeddings, chosen).nearest(queries)
    exact = nn.functional.normalize(queries, dim=1) @ nn.functional.normalize(embeddings, dim=1).T
    best = exact.topk(100).indices.numpy()
    recall = np.mean([len({*a} & {*b}) / 100 for a, b in zip(found.tolist(), best.tolist(), strict=True)])
    assert recall >= 0.95
    np.testing.assert_allclose(cosines[7, 3], exact[7, found[7, 3]], rtol=1e-5)


def test_messages_of_the_search_library_are_suppressed() -> None:
    program = """
import torch
from lightxml_core.cli import start
from lightxml_core.methods.lightdxml.labels import LabelIndex
from lightxml_core.methods.lightdxml.settings import Settings
start(lambda: print(LabelIndex(torch.eye(3), Settings(links=4)).nearest(torch.eye(3)[:1])[0][0, 0]))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_it_learns_and_its_scores_are_the_mixture(
    corpus: tuple[TrainingData, TestData, sparse.csr_matrix], tmp_path: Path
) -> None:
    data, test, Y_tst = corpus
    torch.set_num_threads(1)
    fit(data, TINY, tmp_path / "model", True)
    found = predict(tmp_path / "model", test, 10)
    assert 100 * precision(rank(found, Y_tst, 1), 1) > 70
    model, chosen = load_model(tmp_path / "model")
    assert test.X is not None
    encoded = model.encode_all(sparse.csr_matrix(test.X))[3].detach()
    for label, score in zip(found[3].indices, found[3].data, strict=True):
        row = model.classifiers.weight[label].detach()
        cosine = nn.functional.cosine_similarity(encoded, model.label_embeddings[label], dim=0)
        own = torch.sigmoid(row[:-1] @ encoded + row[-1])
        assert score == pytest.approx(float(chosen.beta * own + (1 - chosen.beta) * torch.sigmoid(cosine)), rel=1e-4)


@pytest.mark.parametrize(("labels", "at_end"), [("trained", True), ("trained", False), ("centroid", False)])
@pytest.mark.parametrize("when", [4, 19])
def test_a_killed_and_resumed_fit_predicts_the_same_bytes(
    labels: Any, at_end: bool, when: int, corpus: tuple[TrainingData, TestData, sparse.csr_matrix], tmp_path: Path
) -> None:
    chosen = replace(TINY, epochs=3, refresh=1, refresh_at_end=at_end, labels=labels, checkpoint_minutes=0.0)
    data, test, _ = corpus
    torch.set_num_threads(1)

    def trained(folder: Path) -> sparse.csr_matrix:
        fit(data, chosen, folder / "model", True)
        return predict(folder / "model", test, 10)

    assert log_after_a_kill(trained, when, tmp_path)


def test_the_optimiser_equals_torchs_two_and_its_state_is_restored() -> None:
    def tables() -> tuple[nn.Parameter, nn.Embedding]:
        torch.manual_seed(1)
        return nn.Parameter(torch.randn(3)), nn.Embedding(6, 3, sparse=True)

    def step(dense: nn.Parameter, rare: nn.Embedding, rows: list[int], *optimisers: torch.optim.Optimizer) -> None:
        (rare(torch.tensor(rows)) * dense).square().sum().backward()
        for optimiser in optimisers:
            optimiser.step()
        dense.grad = rare.weight.grad = None

    (a, b), (c, d) = tables(), tables()
    ours = adamw([{"params": [a, b.weight], "lr": 0.1, "weight_decay": 0.0}], [b.weight])
    theirs = (torch.optim.AdamW([c], 0.1, weight_decay=0.0), torch.optim.SparseAdam([d.weight], 0.1))
    for rows in ([0, 2], [2, 5]):
        step(a, b, rows, ours)
        step(c, d, rows, *theirs)
    again = adamw([{"params": [a, b.weight], "lr": 0.1, "weight_decay": 0.0}], [b.weight])
    again.load_state_dict(ours.state_dict())
    step(a, b, [0, 1], again)
    step(c, d, [0, 1], *theirs)
    torch.testing.assert_close(a, c)
    torch.testing.assert_close(b.weight, d.weight)
    untouched = tables()[1].weight
    assert torch.equal(b.weight[3:5], untouched[3:5])


def test_settings_that_make_no_sense() -> None:
    for wrong, said in (
        ({"beta": 1.5}, "beta must be at most 1"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"refresh": -1}, "must be at least 0"),
    ):
        with pytest.raises(InputError, match=said):
            replace(TINY, **wrong)  # type: ignore[arg-type]
