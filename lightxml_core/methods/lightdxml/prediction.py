"""Prediction: the nearest labels, scored by classifier and similarity together."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy import sparse
from torch.nn.functional import cosine_similarity

from lightxml_core.evaluation.metrics import top_k as keep_best
from lightxml_core.files import read_json
from lightxml_core.methods import Contributions, Explain, Predict, TestData
from lightxml_core.methods.lightdxml.labels import LabelIndex
from lightxml_core.methods.lightdxml.model import LightDXML
from lightxml_core.methods.lightdxml.settings import Settings
from lightxml_core.training.devices import pick_device

_SCORES_AT_ONCE = 1 << 16  # classifiers gathered at a time, each width × 4 bytes: 80 MB


def load_model(folder: Path) -> tuple[LightDXML, Settings]:
    """Load a trained model from its folder, in evaluation mode, onto this process's device."""
    from safetensors.torch import load_file

    settings = Settings(**read_json(folder / "settings.json"))
    tensors = load_file(folder / "model.safetensors")
    features, labels = len(tensors["tokens.weight"]), len(tensors["classifiers.weight"])
    model = LightDXML(features, labels, settings.width, settings.dropout)
    model.load_state_dict(tensors)
    return model.to(pick_device()).eval(), settings


def predict(folder: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top_k` best of each document's nearest labels.

    Score: beta · σ(classifier) + (1 - beta) · σ(cosine to the label's embedding). A document without features gets the
    scores of an empty input.
    """
    return load(folder)(data, top_k)


def load(folder: Path) -> Predict:
    """The same, with the model in memory."""
    model, settings = load_model(folder)
    return partial(_best, model, LabelIndex(model.label_embeddings, settings), settings.beta)


def explain(folder: Path) -> Explain:
    """Of each term the gradient of the score times the term's value."""
    model, settings = load_model(folder)

    def of(data: TestData, labels: np.ndarray) -> Contributions:
        assert data.X is not None
        X, device = sparse.csr_matrix(data.X), model.residual.weight.device
        values = torch.from_numpy(X.data.astype(np.float32)).to(device).requires_grad_()
        encoded, wanted = model.encode_values(X, values), torch.from_numpy(labels).to(device)
        similarity = cosine_similarity(encoded, model.label_embeddings[wanted]).sigmoid()
        scores = settings.beta * model.logits(encoded, wanted)[0].sigmoid() + (1 - settings.beta) * similarity
        shares = [torch.autograd.grad(score, values, retain_graph=True)[0] * values for score in scores]
        rows = np.stack([share.detach().cpu().numpy() for share in shares])
        ends = np.arange(len(labels) + 1) * X.nnz
        return Contributions(
            sparse.csr_matrix((rows.ravel(), np.tile(X.indices, len(labels)), ends), (len(labels), X.shape[1]))
        )

    return of


@torch.no_grad()
def _best(model: LightDXML, index: LabelIndex, beta: float, data: TestData, top_k: int) -> sparse.csr_matrix:
    assert data.X is not None
    X = sparse.csr_matrix(data.X)
    encoded = model.encode_all(X)
    labels, cosines = index.nearest(encoded)
    scores = np.zeros(labels.shape, np.float32)
    step = max(1, _SCORES_AT_ONCE // max(labels.shape[1], 1))
    for start in range(0, len(labels), step):
        some = slice(start, start + step)
        scores[some] = _scores(model, encoded[some], labels[some], cosines[some], beta)
    documents, places = np.nonzero(labels >= 0)
    found = (scores[documents, places], (documents, labels[documents, places]))
    return keep_best(sparse.csr_matrix(found, shape=(X.shape[0], len(model.classifiers.weight))), top_k)


def _scores(
    model: LightDXML, encoded: torch.Tensor, labels: np.ndarray, cosines: np.ndarray, beta: float
) -> np.ndarray:
    rows = model.classifiers(torch.from_numpy(np.maximum(labels, 0)).to(encoded.device))
    logits = torch.einsum("nw,nkw->nk", encoded, rows[..., :-1]) + rows[..., -1]
    similarity = torch.sigmoid(torch.from_numpy(cosines).to(encoded.device))
    return np.asarray((beta * torch.sigmoid(logits) + (1 - beta) * similarity).cpu().numpy())
