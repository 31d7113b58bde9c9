"""Linear classifiers, one per label: L2-regularised squared hinge, solved by liblinear."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from lightxml_core.training.log import Progress, TrainingLog

if TYPE_CHECKING:  # it imports torch, which would delay each process of the fit
    from lightxml_core.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class LinearSettings:
    """cost: weight of the loss relative to the norm of the weights (C). threshold: smaller weights are set to 0."""

    cost: float = 1.0
    threshold: float = 0.01
    seed: int = 0
    threads: int = 1
    checkpoint_minutes: float = 10.0


Group = tuple[np.ndarray, np.ndarray]
# int32 features, their float32 weights, the bias; None for a label without a training document
Classifier = tuple[np.ndarray, np.ndarray, float] | None
Portion = tuple[np.ndarray, list[Classifier]]  # int64 labels, and a classifier for each
PORTION = 64  # labels that a process fits at a time
_STORED = ("labels", "ends", "indptr", "indices", "data")  # of the portions in a checkpoint


def fit_linear(
    X: sparse.csr_matrix,
    Y: sparse.csr_matrix,
    groups: Iterable[Group],
    settings: LinearSettings,
    title: str,
    checkpoint: Checkpoint,
    training_log: TrainingLog,
) -> sparse.csc_matrix:
    """float32 CSC (D + 1) × L of weights; the last row holds the biases.

    X: CSR N × D. Y: CSR N × L. groups: (int64 rows, int64 labels), with each label in at most one group. A label's
    classifier is trained only on the rows of its group. A label without a positive row, or in no group, gets an empty
    column, see `learnt`. A label of all rows gets a bias of 1.

    liblinear is used through scikit-learn, because it solves the same problem as the published rankers and accepts
    sparse rows. Its random state is global, so the work is divided among processes; the weights do not depend on their
    number. The checkpoint keeps finished labels, so a killed run resumes. The log gets a line per portion of labels.
    """
    from joblib import Parallel, delayed

    progress, first = Progress(title, Y.shape[1], unit="labels"), training_log.steps
    found: list[Classifier] = [None] * Y.shape[1]
    by_label, done = sparse.csc_matrix(Y), _FinishedPortions(checkpoint, X.shape[1], settings.checkpoint_minutes)
    tasks = (delayed(_fit_labels)(X, by_label[:, own], rows, own, settings) for rows, own in _portions(groups))
    earlier = done.load()
    rest = Parallel(settings.threads, return_as="generator")(islice(tasks, len(earlier), None))
    for number, (labels, classifiers) in enumerate(chain(earlier, rest)):
        if number >= len(earlier):
            done.add(labels, classifiers)
        for label, classifier in zip(labels, classifiers, strict=True):
            found[label] = classifier
        progress.advance(len(labels), "")
        training_log.write("phase", first + progress.done, phase=title, labels=progress.done)
    return _stacked(found, X.shape[1])


class _FinishedPortions:
    """The finished portions in their order, saved to a new file every few minutes."""

    def __init__(self, checkpoint: Checkpoint, width: int, minutes: float) -> None:
        self.checkpoint, self.width, self.minutes = checkpoint, width, minutes
        self.files, self.waiting, self.saved = 0, list[Portion](), time.monotonic()

    def load(self) -> list[Portion]:
        """The portions saved by earlier runs, up to the first missing or damaged file."""
        found: list[Portion] = []
        while (part := self.checkpoint.load(f"portions{self.files}")) is not None:
            self.files += 1
            labels, ends, starts, rows, values = (part[0][name].numpy() for name in _STORED)
            columns = [
                (rows[a : b - 1].copy(), values[a : b - 1].copy(), float(values[b - 1])) if b > a else None
                for a, b in pairwise(starts)
            ]
            found += [(labels[a:b], columns[a:b]) for a, b in pairwise([0, *ends.tolist()])]
        return found

    def add(self, labels: np.ndarray, classifiers: list[Classifier]) -> None:
        """Add a finished portion, int64 labels and their classifiers, and save if `checkpoint_minutes` have passed."""
        self.waiting.append((labels, classifiers))
        if time.monotonic() - self.saved >= 60 * self.minutes:
            self._save()

    def _save(self) -> None:
        import torch

        columns = _stacked([own for _, classifiers in self.waiting for own in classifiers], self.width)
        ends = np.cumsum([len(labels) for labels, _ in self.waiting])
        every = np.concatenate([labels for labels, _ in self.waiting])
        arrays = (every, ends, columns.indptr, columns.indices, columns.data)
        tensors = {name: torch.from_numpy(array) for name, array in zip(_STORED, arrays, strict=True)}
        self.checkpoint.save(f"portions{self.files}", tensors, {})
        self.files, self.waiting, self.saved = self.files + 1, [], time.monotonic()


def scores_of(X: sparse.csr_matrix, weights: sparse.csc_matrix) -> np.ndarray:
    """float32[N, L]: X · W + bias; 0 for a label that is not `learnt`. X: CSR N × D; weights: CSC (D + 1) × L."""
    return np.asarray((X @ weights[:-1]).toarray() + weights[-1].toarray(), dtype=np.float32)


def contributions(X: sparse.csr_matrix, weights: sparse.csc_matrix, labels: np.ndarray) -> sparse.csr_matrix:
    """float32 CSR K × D: weight times value, which add up to `scores_of` but for the bias.

    X: CSR 1 × D. labels: int64[K].
    """
    return sparse.csr_matrix(weights[:-1, labels].T.multiply(X), dtype=np.float32)


def learnt(weights: sparse.csc_matrix) -> np.ndarray:
    """bool[L]: which labels have a classifier. Its bias is stored even if it is 0."""
    return np.diff(weights.indptr) > 0


def _portions(groups: Iterable[Group]) -> Iterator[Group]:
    """The groups, with those of many labels split into pieces."""
    for rows, labels in groups:
        yield from ((rows, labels[start : start + PORTION]) for start in range(0, len(labels), PORTION))


def _fit_labels(
    X: sparse.csr_matrix, Y: sparse.csc_matrix, rows: np.ndarray, labels: np.ndarray, settings: LinearSettings
) -> Portion:
    """The labels, and a classifier for each. Y: CSC N × len(labels)."""
    own, positives = X[rows], Y[rows]
    targets = (np.where(positives[:, [place]].toarray().ravel() > 0, 1.0, -1.0) for place in range(len(labels)))
    return labels, [_fit_one(own, y, settings) for y in targets]


def _fit_one(X: sparse.csr_matrix, y: np.ndarray, settings: LinearSettings) -> Classifier:
    if y.max(initial=-1.0) < 0:
        return None
    if y.min() > 0:
        return np.empty(0, np.int32), np.empty(0, np.float32), 1.0
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    svm = LinearSVC(C=settings.cost, dual=True, random_state=settings.seed, tol=0.1, max_iter=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the published rankers stop just as early
        svm.fit(X, y)
    weights = svm.coef_[0].astype(np.float32)
    kept = np.flatnonzero(np.abs(weights) >= settings.threshold)
    return kept.astype(np.int32), weights[kept], float(svm.intercept_[0])


def _stacked(classifiers: list[Classifier], width: int) -> sparse.csc_matrix:
    """One matrix of the weights: a column per classifier, with its bias in the last row."""
    last, there = np.array([width], np.int32), [classifier for classifier in classifiers if classifier is not None]
    indices = [np.empty(0, np.int32), *chain.from_iterable((features, last) for features, _, _ in there)]
    values = chain.from_iterable((own, np.array([bias], np.float32)) for _, own, bias in there)
    counts = [0 if classifier is None else len(classifier[0]) + 1 for classifier in classifiers]
    stacked = (
        np.concatenate([np.empty(0, np.float32), *values]),
        np.concatenate(indices),
        np.concatenate([[0], np.cumsum(counts)]),
    )
    return sparse.csc_matrix(stacked, shape=(width + 1, len(classifiers)))
