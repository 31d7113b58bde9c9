"""Parabel and Bonsai, label trees of linear classifiers on TF-IDF, trained by the omikuji library.

omikuji has no seed: its random numbers come from the operating system, so two runs differ slightly even on one thread.
It saves each tree as a CBOR file (RFC 8949, plain data, nothing executable) next to a small `settings.json`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.evaluation.metrics import top_k as keep_best
from lightxml_core.features.labels import normalise_rows
from lightxml_core.files import read_json, write_json
from lightxml_core.methods import BaseSettings, TestData, TrainingData
from lightxml_core.training.devices import threads
from lightxml_core.values import Count, Leaf, Positive, Share


@dataclass(frozen=True)
class Settings(BaseSettings):
    """`seed` has no effect, see above."""

    model: Literal["parabel", "bonsai"] = "parabel"
    """`parabel` halves the labels by balanced 2-means down to leaves of `max_leaf` labels (Prabhu et al. 2018).

    `bonsai` divides them by plain k-means into up to 100 children, three levels deep (Khandagale et al. 2019).
    """

    trees: Count = 3
    """Trees whose predictions are averaged."""

    max_leaf: Leaf = 100
    """Largest number of labels in a leaf."""

    cost: Positive = 1.0
    """Weight of the classifiers' loss relative to the norm of their weights (C)."""

    weight_threshold: Share = 0.1
    """Weights of smaller magnitude are set to 0."""

    beam: Count = 10
    """Nodes per level that a prediction follows (beam width)."""


def needs(settings: Settings) -> frozenset[str]:
    """TF-IDF features."""
    return frozenset({"tfidf"})


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train on all documents with features and save `out/trees`. None are held out, because there is no selection.

    InputError for impossible settings or if no document has features and labels. Not resumable: it takes minutes.
    """
    import omikuji

    assert data.X is not None
    out.mkdir(parents=True, exist_ok=True)
    corpus = out / ".corpus.txt"
    try:
        _write_corpus(corpus, data.X, data.Y)
        with _standard_error_to(out / "omikuji.stderr"):
            model = omikuji.Model.train_on_data(str(corpus), _hyper_parameters(settings), n_threads=threads())
    finally:
        corpus.unlink(missing_ok=True)
    _save_trees(model, out / "trees")
    write_json(out / "settings.json", {"beam": settings.beam, "labels": data.Y.shape[1]})


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N x L of probabilities, the mean over the trees; a document without features gets an empty row."""
    import omikuji

    assert data.X is not None
    settings = read_json(model / "settings.json")
    trees = omikuji.Model.load(str(model / "trees"))
    trees.init_prediction_thread_pool(1)  # one document per call: more threads only wait for each other
    trees.densify_weights()  # of the upper nodes, which doubles the speed
    X = normalise_rows(data.X)
    rows = [_ranked(trees, X, row, settings["beam"], top_k) for row in range(X.shape[0])]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    pairs = np.array([pair for row in rows for pair in row], dtype=np.float64).reshape(-1, 2)
    scores = sparse.csr_matrix(
        (pairs[:, 1].astype(np.float32), pairs[:, 0].astype(np.int64), indptr), shape=(X.shape[0], settings["labels"])
    )
    return keep_best(scores, top_k)


def _ranked(trees: Any, X: sparse.csr_matrix, row: int, beam: int, top_k: int) -> list[tuple[int, float]]:
    """(label, score) pairs of one document."""
    stored = slice(X.indptr[row], X.indptr[row + 1])
    features = list(zip(X.indices[stored].tolist(), X.data[stored].tolist(), strict=True))
    found: list[tuple[int, float]] = trees.predict(features, beam_size=beam, top_k=top_k) if features else []
    return found


def _hyper_parameters(settings: Settings) -> Any:
    import omikuji

    values = omikuji.Model.default_hyper_param()
    values.n_trees = settings.trees
    values.min_branch_size = settings.max_leaf
    values.linear_c = settings.cost
    values.linear_weight_threshold = settings.weight_threshold
    if settings.model == "bonsai":
        values.cluster_balanced = False
        values.cluster_k = min(100, settings.max_leaf)  # a node that is split has at least max_leaf labels
        values.max_depth = 3
    return values


def _write_corpus(target: Path, X: sparse.csr_matrix, Y: sparse.csr_matrix) -> None:
    """Write the documents with features in the text layout of the Extreme Classification Repository.

    Others are left out, because omikuji refuses a corpus with a document without features.
    """
    from sklearn.datasets import dump_svmlight_file

    X = normalise_rows(X)
    X.eliminate_zeros()
    full = np.flatnonzero(np.diff(X.indptr))
    X, Y = X[full], sparse.csr_matrix(Y)[full]
    if Y.nnz == 0:
        raise InputError("no training document has both features and labels: check the texts and min_df")
    with target.open("wb") as opened:
        opened.write(f"{X.shape[0]} {X.shape[1]} {Y.shape[1]}\n".encode())
        dump_svmlight_file(X, Y, opened, multilabel=True)


def _save_trees(model: Any, target: Path) -> None:
    """Save into another folder and rename it, so that `target` is always complete."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        model.save(str(temporary))
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _standard_error_to(file: Path) -> Iterator[None]:
    """Redirect the process's standard error to a file, which is removed unless the block fails.

    omikuji draws a progress bar there, in a log file one line per document. It also prints the reason there when it
    aborts.
    """
    saved = os.dup(2)
    try:
        with file.open("wb") as opened:
            os.dup2(opened.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
    file.unlink()
