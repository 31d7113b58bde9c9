"""The transformer's part: vectors of texts, and the clusters it proposes for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy import sparse

from lightxml_core.clustering.balanced import balanced_clusters
from lightxml_core.encoders.tokens import TokenisedPart, tokens_of
from lightxml_core.features.labels import label_features, normalise_rows
from lightxml_core.methods import TrainingData
from lightxml_core.methods.transformer.inputs import PREDICTION_BATCH, autocast, by_length, in_memory, padded
from lightxml_core.methods.transformer.model import LightXML, build_model
from lightxml_core.methods.transformer.prediction import best_as_csr
from lightxml_core.methods.transformer.settings import Settings as MatcherSettings
from lightxml_core.methods.xtransformer.settings import Settings
from lightxml_core.training.devices import pick_device, threads
from lightxml_core.training.log import Progress

_VECTORS_AT_ONCE = 1024


def label_clusters(data: TrainingData, settings: Settings) -> sparse.csr_matrix:
    """float32 CSR L × C, one 1 a row: the labels by cluster (semantic label indexing, section 3.1)."""
    Z = normalise_rows(_label_embeddings(data, settings))
    return balanced_clusters(Z, settings.max_leaf, settings.tree, threads=threads())


def _label_embeddings(data: TrainingData, settings: Settings) -> sparse.csr_matrix:
    assert data.X is not None and data.tokens is not None and data.encoder is not None and data.names is not None
    scale = document_weights(data.Y) if settings.pifa == "by_labels" else None
    if settings.embedding == "tfidf":
        return label_features(data.X, data.Y, scale=scale)
    how = replace(settings, position="mean") if settings.position == "pooled" else settings
    encoder = (settings.embedding == "text" and data.names_encoder) or data.encoder
    model = build_model(how, encoder, 2, None).to(pick_device())
    if settings.embedding == "encoder":
        return label_features(sparse.csr_matrix(vectors(model, data.tokens, how)), data.Y, scale=scale)
    names = tokens_of(data.names, encoder, settings.max_tokens, settings.text)
    return sparse.csr_matrix(vectors(model, names, how))


def document_weights(Y: sparse.csr_matrix) -> np.ndarray:
    """float64[N]: 1 / √(number of labels) of each document of CSR N × L, 0 for one without labels."""
    counts = np.asarray(Y.getnnz(axis=1), dtype=np.float64)
    return np.divide(1.0, np.sqrt(counts), out=np.zeros_like(counts), where=counts > 0)


def vectors(model: LightXML, tokens: TokenisedPart, settings: MatcherSettings) -> np.ndarray:
    """float32[N, width]: the encoder's vector of each text."""
    model.eval()
    found = np.empty((len(tokens), model.backbone.width), np.float32)
    progress = Progress("vectors of texts", len(tokens))

    def run(batch: np.ndarray) -> None:
        with torch.inference_mode(), autocast(model, settings):
            found[batch] = model.backbone(*padded(tokens, batch, model)).float().cpu().numpy()
        progress.advance(len(batch), "")

    in_memory(by_length(tokens.lengths, PREDICTION_BATCH), run)
    return found


def proposals(model: LightXML, found: np.ndarray, settings: Settings) -> sparse.csr_matrix:
    """float32 CSR N × C: the best clusters of each document, by its vector float32[N, width], with probabilities."""
    kept = min(settings.clusters_kept, model.head.labels)
    scores, clusters = np.empty((len(found), kept), np.float32), np.empty((len(found), kept), np.int64)
    for start in range(0, len(found), _VECTORS_AT_ONCE):
        some = slice(start, start + _VECTORS_AT_ONCE)
        with torch.inference_mode():
            best = model.top(torch.from_numpy(found[some]).to(model.mean.device), kept)
        scores[some], clusters[some] = (part.cpu().numpy() for part in best)
    return best_as_csr(scores, clusters, model.head.labels)


def folder_of_matcher(model: Path) -> Path:
    """Where a trained model keeps its matcher."""
    return model / "matcher"
