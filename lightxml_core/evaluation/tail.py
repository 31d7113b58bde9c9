"""Hits by label frequency: which labels a method finds, from the most frequent to the rarest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.evaluation.metrics import Ranking

DECILES = 10
PARTS = {"head": (0, 1), "torso": (1, 5), "tail": (5, DECILES)}  # first decile, end


def deciles(Y_trn: sparse.csr_matrix) -> np.ndarray:
    """int64[L]: the decile of each label by training frequency, 0 for the most frequent. Ties are broken by label id.

    Y_trn: CSR N × L of training labels.
    """
    labels = Y_trn.shape[1]
    order = np.argsort(-label_frequencies(Y_trn), kind="stable")
    found = np.empty(labels, np.int64)
    found[order] = np.arange(labels) * DECILES // labels
    return found


def tail_metrics(ranking: Ranking, Y_trn: sparse.csr_matrix, ks: Sequence[int] = (1, 3, 5)) -> dict[str, Any]:
    """Precision and recall by decile of label frequency, and for head, torso and tail, in percent, ready for JSON.

    `P@k`: the part of P@k that comes from the labels of a decile. The ten parts sum to P@k. `R@k`: hits / true pairs of
    a document and a label of the decile; None for a decile without a true pair. Head is the first decile, torso the
    next four, tail the rarer half of the labels. `true_pairs`: their number per decile. ranking: at least the
    `max(ks)` best labels. Y_trn: CSR of training labels.
    """
    decile = deciles(Y_trn)
    true = np.bincount(decile[ranking.Y.indices], minlength=DECILES)
    by_decile: dict[str, list[float | None]] = {}
    for k in ks:
        found = ranking.labels[:, :k][ranking.hit[:, :k]]
        counts = np.bincount(decile[found], minlength=DECILES)
        by_decile[f"P@{k}"] = (100.0 * counts / (ranking.Y.shape[0] * k)).tolist()
        by_decile[f"R@{k}"] = [_share(count, of) for count, of in zip(counts, true, strict=True)]
        by_decile[f"hits@{k}"] = counts.tolist()
    parts = {name: _part(by_decile, true, slice(*span), ks) for name, span in PARTS.items()}
    shown = {name: values for name, values in by_decile.items() if not name.startswith("hits")}
    return {"deciles": shown, "true_pairs": true.tolist(), **parts}


def _part(by_decile: dict[str, Any], true: np.ndarray, span: slice, ks: Sequence[int]) -> dict[str, float | None]:
    adds = {f"P@{k}": float(sum(by_decile[f"P@{k}"][span])) for k in ks}
    return {**adds, **{f"R@{k}": _share(sum(by_decile[f"hits@{k}"][span]), int(true[span].sum())) for k in ks}}


def _share(count: int, of: int) -> float | None:
    return 100.0 * float(count) / float(of) if of else None
