"""The matcher: a transformer that proposes label clusters and computes vectors of texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from scipy import sparse

from lightxml_core.clustering.balanced import balanced_clusters
from lightxml_core.encoders.tokens import TokenisedPart, tokens_of
from lightxml_core.features.labels import label_features, normalise_rows
from lightxml_core.files import read_json
from lightxml_core.methods import TrainingData, changed, of_stored
from lightxml_core.methods.transformer import training
from lightxml_core.methods.transformer.heads import FlatHead
from lightxml_core.methods.transformer.inputs import PREDICTION_BATCH, autocast, by_length, in_memory, padded
from lightxml_core.methods.transformer.model import MakeHead, TextClassifier, build_classifier
from lightxml_core.methods.transformer.prediction import best_as_csr, load_classifier
from lightxml_core.methods.transformer.settings import FORMER
from lightxml_core.methods.transformer.training import Parts
from lightxml_core.methods.xtransformer.settings import Settings
from lightxml_core.training.devices import Precision, pick_device, threads
from lightxml_core.training.log import Progress

_VECTORS_AT_ONCE = 1024


def label_clusters(data: TrainingData, settings: Settings) -> sparse.csr_matrix:
    """float32 CSR L × C, one 1 per row: the cluster of each label (semantic label indexing, section 3.1)."""
    Z = normalise_rows(_label_embeddings(data, settings))
    return balanced_clusters(Z, settings.clusters.max_leaf, settings.clusters.tree, threads=threads())


def _label_embeddings(data: TrainingData, settings: Settings) -> sparse.csr_matrix:
    assert data.X is not None and data.tokens is not None and data.encoder is not None and data.names is not None
    scale = document_weights(data.Y) if settings.clusters.pifa == "by_labels" else None
    if settings.clusters.embedding == "tfidf":
        return label_features(data.X, data.Y, scale=scale)
    how = changed(settings, position="mean") if settings.encoder.position == "pooled" else settings
    encoder = (settings.clusters.embedding == "text" and data.names_encoder) or data.encoder
    model = build_classifier(how, encoder, _head(2, settings)).to(pick_device())  # only its encoder is used
    if settings.clusters.embedding == "encoder":
        return label_features(sparse.csr_matrix(vectors(model, data.tokens, how.speed.precision)), data.Y, scale=scale)
    names = tokens_of(data.names, encoder, settings.encoder.max_tokens, settings.encoder.text)
    return sparse.csr_matrix(vectors(model, names, how.speed.precision))


def document_weights(Y: sparse.csr_matrix) -> np.ndarray:
    """float64[N]: 1 / √(number of labels) of each document of CSR N × L, 0 for one without labels."""
    counts = np.asarray(Y.getnnz(axis=1), dtype=np.float64)
    return np.divide(1.0, np.sqrt(counts), out=np.zeros_like(counts), where=counts > 0)


def vectors(model: TextClassifier, tokens: TokenisedPart, precision: Precision) -> np.ndarray:
    """float32[N, width]: the encoder's vector of each text."""
    model.eval()
    found = np.empty((len(tokens), model.backbone.width), np.float32)
    progress = Progress("vectors of texts", len(tokens))

    def run(batch: np.ndarray) -> None:
        with torch.inference_mode(), autocast(model, precision):
            found[batch] = model.backbone(*padded(tokens, batch, model)).float().cpu().numpy()
        progress.advance(len(batch), "")

    in_memory(by_length(tokens.lengths, PREDICTION_BATCH), run)
    return found


def proposals(model: TextClassifier, found: np.ndarray, settings: Settings) -> sparse.csr_matrix:
    """float32 CSR N × C: the probabilities of each document's best clusters. found: float32[N, width], its vector."""
    kept = min(settings.clusters.clusters_kept, model.head.labels)
    scores, clusters = np.empty((len(found), kept), np.float32), np.empty((len(found), kept), np.int64)
    for start in range(0, len(found), _VECTORS_AT_ONCE):
        some = slice(start, start + _VECTORS_AT_ONCE)
        with torch.inference_mode():
            best = model.top(torch.from_numpy(found[some]).to(model.mean.device), kept)
        scores[some], clusters[some] = (part.cpu().numpy() for part in best)
    return best_as_csr(scores, clusters, model.head.labels)


def fit_matcher(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train the matcher into the folder `out`. data: with the clusters of each document as Y, CSR N × C."""
    training.fit(data, settings, Parts("flat", _head(data.Y.shape[1], settings)), out, resume)


def load_matcher(folder: Path) -> tuple[TextClassifier, Settings]:
    """Load a trained matcher from its folder, see `load_classifier`."""
    return load_classifier(folder, _stored)


def _stored(folder: Path) -> tuple[Settings, MakeHead]:
    values = read_json(folder / "settings.json")
    clusters = int(values.pop("labels"))
    settings = of_stored(Settings(), values, FORMER)
    return settings, _head(clusters, settings)


def _head(labels: int, settings: Settings) -> MakeHead:
    return lambda width: FlatHead(width, labels, settings.training.loss)


def folder_of_matcher(model: Path) -> Path:
    """The folder of the matcher in a trained model."""
    return model / "matcher"
