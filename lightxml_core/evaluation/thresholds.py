"""Thresholds: the least score at which a label is assigned, chosen on documents that the training held out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.evaluation.metrics import rank
from lightxml_core.files import read_json, write_json

_FILE = "thresholds.json"


@dataclass(frozen=True)
class Threshold:
    """score: the least at which a label is assigned. f1: the F1 on the held-out documents, in percent."""

    score: float
    f1: float


@dataclass(frozen=True)
class Thresholds:
    """The thresholds with the highest F1: over all pairs of a document and a label (`micro`), and as the mean of the
    F1 of each document (`document`). documents: the number of held-out documents.
    """

    documents: int
    micro: Threshold
    document: Threshold

    def write(self, model: Path) -> None:
        """Write them into the folder of the model."""
        write_json(model / _FILE, asdict(self))


def read_thresholds(model: Path) -> Thresholds | None:
    """The thresholds that `write` wrote; None if the model has none."""
    if not (model / _FILE).is_file():
        return None
    values = read_json(model / _FILE)
    return Thresholds(values["documents"], Threshold(**values["micro"]), Threshold(**values["document"]))


def best_thresholds(predictions: sparse.csr_matrix, Y: sparse.csr_matrix) -> Thresholds | None:
    """The best thresholds among the scores of the predictions.

    predictions: CSR N × L. Y: CSR N × L; a document without labels has an F1 of 0 if any label is assigned to it. None
    if nothing is predicted.
    """
    if predictions.nnz == 0:
        return None
    ranking = rank(predictions, Y, int(np.diff(predictions.indptr).max()))
    documents, places = np.nonzero(ranking.labels >= 0)
    scores = np.asarray(predictions[documents, ranking.labels[documents, places]]).ravel()
    assigned = places + 1
    found = np.cumsum(ranking.hit, axis=1)[documents, places]
    f1 = 2.0 * found / (assigned + ranking.true[documents])
    gains = f1 - np.where(places > 0, np.roll(f1, 1), 0.0)  # of a document's F1 by each label more
    order = np.argsort(-scores, kind="stable")
    micro = 2.0 * np.cumsum(ranking.hit[documents, places][order]) / (np.arange(len(order)) + 1 + ranking.true.sum())
    mean = np.cumsum(gains[order]) / len(ranking.labels)
    return Thresholds(len(ranking.labels), _best(scores[order], micro), _best(scores[order], mean))


def _best(scores: np.ndarray, f1: np.ndarray) -> Threshold:
    """scores: in descending order. f1: with all labels up to each place; equal scores are assigned together."""
    last = np.append(scores[1:] != scores[:-1], True)
    best = int(np.argmax(np.where(last, f1, -1.0)))
    return Threshold(float(scores[best]), round(100.0 * float(f1[best]), 2))
