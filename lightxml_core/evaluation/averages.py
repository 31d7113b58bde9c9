"""Metrics over labels: precision, recall and F1 at k in macro and micro average, and how many labels are ever found.

They treat the first k labels of each document as its predicted set. The definitions are those of Zhang and Zhou, "A
Review on Multi-Label Learning Algorithms", TKDE 2014, section 2.2 (label-based metrics), applied to the k best labels.
Each returns a share between 0 and 1.
"""

from __future__ import annotations

import numpy as np

from lightxml_core.evaluation.metrics import Ranking


def macro_precision(ranking: Ranking, k: int) -> float:
    """Macro-P@k: the mean of hits / documents that have the label among the first k, over the labels of the test set.

    A label that is never predicted counts 0.
    """
    counts = ranking.by_label(k)
    return float((counts.hit / counts.predicted).sum()) / ranking.true_labels


def macro_recall(ranking: Ranking, k: int) -> float:
    """Macro-R@k: the mean of hits / true documents over the labels of the test set."""
    counts = ranking.by_label(k)
    return float((counts.hit / counts.true).sum()) / ranking.true_labels


def macro_f1(ranking: Ranking, k: int) -> float:
    """Macro-F1@k: the mean of 2 hits / (predicted + true documents) over the labels of the test set.

    It is the mean of the F1 of each label, not the F1 of macro-P@k and macro-R@k.
    """
    counts = ranking.by_label(k)
    return float((2.0 * counts.hit / (counts.predicted + counts.true)).sum()) / ranking.true_labels


def micro_precision(ranking: Ranking, k: int) -> float:
    """Micro-P@k: hits / predicted pairs of a document and a label; 0 without predictions.

    It equals P@k if every document has k predictions: P@k divides by k, this by what was predicted.
    """
    hit, predicted, _ = _pairs(ranking, k)
    return hit / max(predicted, 1)


def micro_recall(ranking: Ranking, k: int) -> float:
    """Micro-R@k: hits / true pairs of a document and a label."""
    hit, _, true = _pairs(ranking, k)
    return hit / true


def micro_f1(ranking: Ranking, k: int) -> float:
    """Micro-F1@k: 2 hits / (predicted + true pairs), the harmonic mean of micro-P@k and micro-R@k."""
    hit, predicted, true = _pairs(ranking, k)
    return 2.0 * hit / (predicted + true)


def coverage(ranking: Ranking, k: int) -> float:
    """Coverage@k: of the labels that the test set contains, the share with a hit among the first k of any document."""
    return len(ranking.by_label(k).hit) / ranking.true_labels


def reciprocal_rank(ranking: Ranking) -> float:
    """MRR: the mean over all documents of 1 / rank of the first true label.

    A document without a true label among its predictions counts 0; the pipeline stores 100 predictions per document.
    Source: Voorhees, TREC-8 Question Answering Track, 1999.
    """
    return float(reciprocal_ranks(ranking).mean())


def reciprocal_ranks(ranking: Ranking) -> np.ndarray:
    """float64[N]: 1 / rank of the first true label of each document, 0 where none is predicted."""
    from lightxml_core.evaluation.kernels import first_hits

    first = np.where(ranking.hit.any(axis=1), ranking.hit.argmax(axis=1) + 1, 0)
    deeper = np.flatnonzero(first == 0)  # the others have their first hit in the ranking
    found, Y = ranking.predictions, ranking.Y
    scores = np.asarray(found.data, dtype=np.float32)
    first[deeper] = first_hits(deeper, found.indptr, found.indices, scores, Y.indptr, Y.indices)
    return np.where(first > 0, 1.0 / np.maximum(first, 1), 0.0)


def _pairs(ranking: Ranking, k: int) -> tuple[int, int, int]:
    """The numbers of hits, predicted pairs and true pairs."""
    predicted = np.count_nonzero(ranking.labels[:, :k] >= 0)
    return int(np.count_nonzero(ranking.hit[:, :k])), int(predicted), ranking.Y.nnz
