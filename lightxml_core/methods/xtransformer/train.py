"""Training X-Transformer: clusters, matcher, rankers."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.files import new_folder, save_csr, write_json
from lightxml_core.methods import TrainingData
from lightxml_core.methods.lightxml import train as lightxml
from lightxml_core.methods.lightxml.prediction import load_model, predict_rows
from lightxml_core.methods.xtransformer.matcher import folder_of_matcher, label_clusters, vectors
from lightxml_core.methods.xtransformer.ranker import fit_rankers, ranker_features
from lightxml_core.methods.xtransformer.settings import Settings


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train one member into `out`. Killed in the matcher's training it goes on from there; the rankers start anew."""
    assert data.X is not None and data.tokens is not None
    Y = sparse.csr_matrix(data.Y)
    clusters = label_clusters(data, settings)
    of_clusters = sparse.csr_matrix(Y @ clusters)
    of_clusters.data[:] = 1.0
    matcher = out.parent / "matcher"  # its checkpoint and log lie beside it, where those of every method lie
    lightxml.fit(replace(data, Y=of_clusters, X=None), settings.of_matcher(), matcher, resume)
    model, how = load_model(matcher)
    rows = np.arange(Y.shape[0])
    proposed = predict_rows(model, data.tokens, rows, settings.clusters_kept, how)
    X = ranker_features(data.X, vectors(model, data.tokens, how))
    weights = fit_rankers(X, Y, clusters, proposed, settings)
    with new_folder(out) as building:
        write_json(building / "settings.json", asdict(settings))
        save_csr(building / "clusters.npz", clusters)
        save_csr(building / "rankers.npz", sparse.csr_matrix(weights))
        shutil.copytree(matcher, folder_of_matcher(building))
    shutil.rmtree(matcher)
