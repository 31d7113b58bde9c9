"""The evaluation of a run: what metrics.json contains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from lightxml_core.evaluation.catalogue import GROUPS, METRICS
from lightxml_core.evaluation.diagnosis import DEPTHS, calibration, lost_labels, recall_by_depth
from lightxml_core.evaluation.documents import standard_error
from lightxml_core.evaluation.metrics import Ranking, inverse_propensities, rank
from lightxml_core.evaluation.tail import tail_metrics

_DEPTH = max(k for metric in METRICS.values() for k in metric.ks)  # labels per document that the metrics look at


def evaluate(
    predictions: sparse.csr_matrix, Y: sparse.csr_matrix, inverse_propensity: np.ndarray
) -> dict[str, dict[str, float]]:
    """Every metric of the catalogue in percent, by group and name: `["accuracy"]["P@1"]`.

    predictions: CSR N × L of scores. Y: CSR N × L of true labels. inverse_propensity: float64[L]. InputError for what
    `metrics.rank` refuses.
    """
    return _metrics(rank(predictions, Y, _DEPTH, inverse_propensity))


@dataclass(frozen=True)
class Evaluation:
    """What a run leaves of its evaluation.

    metrics: the contents of metrics.json, by group. documents: float32[N, M], the shares of `document_values`; the
    columns have the names, and the order, of the group `standard_errors`.
    """

    metrics: dict[str, Any]
    documents: np.ndarray


def evaluate_run(
    predictions: sparse.csr_matrix, Y: sparse.csr_matrix, Y_trn: sparse.csr_matrix, a: float, b: float
) -> Evaluation:
    """The groups of `evaluate`, then details of the same run, and what each document contributes.

    `standard_errors`: over documents, in percentage points; None for one document. `tail`: see `tail.tail_metrics`.
    `lost`, `candidates`, `calibration`: see `diagnosis.lost_labels`, `recall_by_depth` and `calibration`. All are in
    percent, except `calibration`.

    predictions, Y: CSR N × L of scores and of true test labels. Y_trn: CSR of training labels. a, b: the constants of
    the propensities (Jain et al., KDD 2016).
    """
    ranking = rank(predictions, Y, max(_DEPTH, *DEPTHS), inverse_propensities(Y_trn, a, b))
    best = ranking.first(_DEPTH)  # shallow: some metrics compute weights for the whole depth
    documents = dict(document_values(best))
    metrics = {
        **_metrics(best),
        "standard_errors": {name: standard_error(100.0 * values) for name, values in documents.items()},
        "tail": tail_metrics(best, Y_trn),
        "lost": lost_labels(best, Y_trn),
        "candidates": recall_by_depth(ranking),
        "calibration": calibration(predictions, Y),
    }
    return Evaluation(metrics, np.stack([*documents.values()], axis=1).astype(np.float32))


def document_values(ranking: Ranking) -> Iterator[tuple[str, np.ndarray]]:
    """The metrics that are means over documents: name, such as `P@1`, and float64[N] of shares.

    See `evaluation.documents`. ranking: at least as many labels as the metrics look at.
    """
    for metric in METRICS.values():
        if metric.documents is not None:
            values = [metric.documents(ranking, k) for k in metric.ks] or [metric.documents(ranking)]
            yield from zip(metric.names, values, strict=True)


def _metrics(ranking: Ranking) -> dict[str, dict[str, float]]:
    return {group: dict(_of_group(ranking, group)) for group in GROUPS}


def _of_group(ranking: Ranking, group: str) -> Iterator[tuple[str, float]]:
    for metric in METRICS.values():
        if metric.group == group and not metric.ks:
            yield metric.name, 100.0 * metric.function(ranking)
        elif metric.group == group:
            yield from ((f"{metric.name}@{k}", 100.0 * metric.function(ranking, k)) for k in metric.ks)
