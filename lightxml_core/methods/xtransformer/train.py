"""Train X-Transformer: clusters, matcher, rankers."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

from scipy import sparse

from lightxml_core.files import new_folder, save_csr, write_json
from lightxml_core.methods import TrainingData, changed, flatten
from lightxml_core.methods.xtransformer.matcher import (
    fit_matcher,
    folder_of_matcher,
    label_clusters,
    load_matcher,
    proposals,
    vectors,
)
from lightxml_core.methods.xtransformer.ranker import fit_rankers, ranker_features
from lightxml_core.methods.xtransformer.settings import Settings
from lightxml_core.training import linear
from lightxml_core.training.checkpoint import Checkpoint, fingerprint
from lightxml_core.training.log import TrainingLog


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train one member into `out`. A killed run resumes within the training of the matcher or of the rankers."""
    assert data.X is not None and data.tokens is not None
    Y = sparse.csr_matrix(data.Y)
    clusters = label_clusters(data, settings)
    of_clusters = sparse.csr_matrix(Y @ clusters)
    of_clusters.data[:] = 1.0
    matcher = out.parent / "matcher"  # its checkpoint and log are beside it, as for every method
    fit_matcher(replace(data, Y=of_clusters, X=None), settings, matcher, resume)
    model, how = load_matcher(matcher)
    found = vectors(model, data.tokens, how.speed.precision)
    identity = _identity(data, settings, clusters, matcher)
    checkpoint = Checkpoint(out.parent / "checkpoint" / "rankers", identity, resume)
    training_log = TrainingLog(out.parent / "checkpoint" / "training.jsonl", math.inf)
    X, proposed = ranker_features(data.X, found), proposals(model, found, settings)
    weights = fit_rankers(X, Y, clusters, proposed, settings, checkpoint, training_log)
    training_log.close()
    with new_folder(out) as building:
        write_json(building / "settings.json", flatten(settings))
        save_csr(building / "clusters.npz", clusters)
        save_csr(building / "rankers.npz", sparse.csr_matrix(weights))
        shutil.copytree(matcher, folder_of_matcher(building))
    shutil.rmtree(matcher)


def _identity(data: TrainingData, settings: Settings, clusters: sparse.csr_matrix, matcher: Path) -> str:
    """Digest of all that determines the rankers. The matcher's weights determine its vectors and proposals."""
    assert data.X is not None
    arrays = [data.X.indptr, data.X.indices, data.X.data, data.Y.indptr, data.Y.indices, clusters.indices]
    code = [*sorted(Path(__file__).parent.glob("*.py")), Path(linear.__file__), matcher / "model.safetensors"]
    return fingerprint(changed(settings, checkpoint_minutes=0.0), arrays, code)
