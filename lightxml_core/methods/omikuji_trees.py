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
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.evaluation.metrics import top_k as keep_best
from lightxml_core.features.labels import normalise_rows
from lightxml_core.files import read_json, write_json
from lightxml_core.methods import BaseSettings, Contributions, Explain, Predict, TestData, TrainingData
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
    corpus, said = out / ".corpus.txt", out / "omikuji.stderr"
    try:
        _write_corpus(corpus, data.X, data.Y)
        with _output_to(said, 2):  # a progress bar, and the reason when it aborts
            model = omikuji.Model.train_on_data(str(corpus), _hyper_parameters(settings), n_threads=threads())
        said.unlink()
    finally:
        corpus.unlink(missing_ok=True)
    _save_trees(model, out / "trees")
    write_json(out / "settings.json", {"beam": settings.beam, "labels": data.Y.shape[1]})


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N × L of probabilities, the mean over the trees; a document without features gets an empty row."""
    return load(model)(data, top_k)


def load(model: Path) -> Predict:
    """The same, with the trees in memory."""
    import omikuji

    settings = read_json(model / "settings.json")
    with _output_to(Path(os.devnull), 1, 2):  # it logs each file that it loads to standard output
        trees = omikuji.Model.load(str(model / "trees"))
        trees.init_prediction_thread_pool(1)  # one document per call: more threads only wait for each other
        trees.densify_weights()  # of the upper nodes, which doubles the speed
    return partial(_best, trees, settings["beam"], settings["labels"])


@dataclass(frozen=True)
class _Step:
    """A classifier on the way from the root of a tree to a label: a column of CSR (D + 1) × columns, its bias last."""

    weights: sparse.csr_matrix
    column: int

    def of(self, features: np.ndarray) -> np.ndarray:
        """float64: its weights for features int64[n]."""
        return np.asarray(self.weights[features, self.column].toarray(), np.float64).ravel()


def ways(model: Path) -> list[dict[int, tuple[_Step, ...]]]:
    """For each tree the classifiers from the root to each label, from the files that omikuji wrote."""
    from lightxml_core.cbor import read_cbor

    found = []
    for file in sorted((model / "trees").glob("tree*.cbor")):
        labels: dict[int, tuple[_Step, ...]] = {}
        waiting: list[tuple[Any, tuple[_Step, ...]]] = [(read_cbor(file), ())]
        while waiting:
            [(kind, node)], above = waiting[-1][0].items(), waiting.pop()[1]
            weights = _weights(node["weights"])
            below = node["children"] if kind == "Branch" else node["labels"]
            steps = [(*above, _Step(weights, column)) for column in range(len(below))]
            if kind == "Branch":
                waiting += zip(below, steps, strict=True)
            else:
                labels |= zip(below.astype(int).tolist(), steps, strict=True)
        found.append(labels)
    return found


def _weights(stored: dict[str, Any]) -> sparse.csr_matrix:
    """CSR (D + 1) × columns of a node's weights, which the file holds whole or by the rows that are not empty."""
    if "Dense" in stored:
        return sparse.csr_matrix(stored["Dense"]["data"].reshape(stored["Dense"]["dim"].astype(int)))
    rows, shape = stored["Sparse"], (int(stored["Sparse"]["outer_dim"]), int(stored["Sparse"]["inner_dim"]))
    counts = np.zeros(shape[0], np.int64)
    counts[rows["outer_inds"].astype(int)] = np.diff(rows["indptr"])
    ends = np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_matrix((rows["data"], rows["inner_inds"].astype(int), ends), shape=shape)


def explain(model: Path) -> Explain:
    """Weight times value of each term, summed over the classifiers on the way to a label; the mean over the trees."""
    trees = ways(model)

    def of(data: TestData, labels: np.ndarray) -> Contributions:
        assert data.X is not None
        X = normalise_rows(data.X)
        sums = [
            sum((step.of(X.indices) for tree in trees for step in tree[label]), np.zeros(X.nnz)) / len(trees)
            for label in labels.tolist()
        ]
        values = np.concatenate([np.empty(0), *(weights * X.data for weights in sums)]).astype(np.float32)
        ends = np.arange(len(labels) + 1) * X.nnz
        return Contributions(
            sparse.csr_matrix((values, np.tile(X.indices, len(labels)), ends), (len(labels), X.shape[1]))
        )

    return of


def _best(trees: Any, beam: int, labels: int, data: TestData, top_k: int) -> sparse.csr_matrix:
    assert data.X is not None
    X = normalise_rows(data.X)
    rows = [_ranked(trees, X, row, beam, top_k) for row in range(X.shape[0])]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    pairs = np.array([pair for row in rows for pair in row], dtype=np.float64).reshape(-1, 2)
    scores = sparse.csr_matrix(
        (pairs[:, 1].astype(np.float32), pairs[:, 0].astype(np.int64), indptr), shape=(X.shape[0], labels)
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
def _output_to(file: Path, *descriptors: int) -> Iterator[None]:
    """Redirect what the process writes to these descriptors to a file."""
    saved = [(descriptor, os.dup(descriptor)) for descriptor in descriptors]
    try:
        with file.open("wb") as opened:
            for descriptor in descriptors:
                os.dup2(opened.fileno(), descriptor)
        yield
    finally:
        for descriptor, own in saved:
            os.dup2(own, descriptor)
            os.close(own)
