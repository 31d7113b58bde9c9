"""Every metric that the pipeline reports. A new one is an entry here and a function.

Evaluation, configuration, published figures, tables, verdicts and docs/results.md all read this list. Methods do not
import it, so a new entry does not train anything again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lightxml_core.errors import InputError
from lightxml_core.evaluation import averages, documents, metrics

KS = (1, 3, 5)
_NAME = re.compile(r"(.+?)(?:@([1-9]\d*))?")


@dataclass(frozen=True)
class Metric:
    """A metric, in percent.

    name: without `@k`. ks: the numbers of labels at which it is evaluated; empty for a metric without k. group: its key
    in metrics.json. better: which values are. tolerance: a reproduced value within this many percentage points of the
    published one counts as reproduced. what: one sentence. function: takes a `Ranking` and, with `ks`, k; returns a
    share between 0 and 1. headline: whether the main tables and the terminal show it. documents: what each document
    contributes, see `evaluation.documents`; None for a metric that is no mean over documents.
    """

    name: str
    function: Callable[..., float]
    what: str
    group: str
    ks: tuple[int, ...] = KS
    better: Literal["higher", "lower"] = "higher"
    tolerance: float = 1.0
    headline: bool = False
    documents: Callable[..., np.ndarray] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Its names with k: `P@1`, `P@3`, `P@5`."""
        return tuple(f"{self.name}@{k}" for k in self.ks) or (self.name,)

    @property
    def written(self) -> str:
        """Its name for people: `P@k`, or `MRR` for a metric without k."""
        return f"{self.name}@k" if self.ks else self.name


METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "P",
            metrics.precision,
            "Share of the first k labels that are true, mean over documents.",
            "accuracy",
            tolerance=0.5,
            headline=True,
            documents=documents.precision,
        ),
        Metric(
            "PSP",
            metrics.psp,
            "P@k with each label weighted by its inverse propensity, as a share of the best possible value.",
            "accuracy",
            headline=True,
            documents=documents.psp,
        ),
        Metric(
            "nDCG",
            metrics.ndcg,
            "Hits discounted by 1 / log2(rank + 1), as a share of a perfect ranking, mean over documents.",
            "accuracy",
            tolerance=0.5,
            documents=metrics.ndcg_per_document,
        ),
        Metric(
            "PSnDCG",
            metrics.psndcg,
            "nDCG@k with each label weighted by its inverse propensity, as a share of the best possible value.",
            "accuracy",
            documents=documents.psndcg,
        ),
        Metric(
            "R",
            metrics.recall,
            "Share of a document's true labels that are among the first k, mean over documents with labels.",
            "accuracy",
            tolerance=0.5,
            documents=documents.recall,
        ),
        Metric(
            "MRR",
            averages.reciprocal_rank,
            "1 / rank of the first true label, mean over documents; 0 if none is predicted.",
            "accuracy",
            ks=(),
            tolerance=0.5,
            documents=averages.reciprocal_ranks,
        ),
        Metric(
            "macro-P",
            averages.macro_precision,
            "Per label, hits / documents with the label among the first k; mean over the labels of the test set.",
            "averages",
        ),
        Metric(
            "macro-R",
            averages.macro_recall,
            "Per label, hits / true documents; mean over the labels of the test set.",
            "averages",
        ),
        Metric(
            "macro-F1",
            averages.macro_f1,
            "Per label, 2 hits / (predicted + true documents); mean over the labels of the test set.",
            "averages",
        ),
        Metric(
            "micro-P",
            averages.micro_precision,
            "Hits / predicted pairs of a document and a label, over the whole test set.",
            "averages",
            tolerance=0.5,
        ),
        Metric(
            "micro-R",
            averages.micro_recall,
            "Hits / true pairs of a document and a label, over the whole test set.",
            "averages",
            tolerance=0.5,
        ),
        Metric(
            "micro-F1",
            averages.micro_f1,
            "2 hits / (predicted + true pairs), over the whole test set.",
            "averages",
            tolerance=0.5,
        ),
        Metric(
            "coverage",
            averages.coverage,
            "Share of the test set's labels with a hit among the first k of at least one document.",
            "coverage",
        ),
    )
}
GROUPS = tuple(dict.fromkeys(metric.group for metric in METRICS.values()))
KNOWN = ", ".join(metric.written for metric in METRICS.values())
HEADLINE = tuple(name for metric in METRICS.values() if metric.headline for name in metric.names)


def find_metric(name: str) -> Metric | None:
    """The metric of `P@1`, `R@100` or `MRR`, at any k; None for a name that is not in the catalogue."""
    found = _NAME.fullmatch(name)
    metric = METRICS.get(found[1]) if found else None
    return metric if metric and found and bool(metric.ks) == (found[2] is not None) else None


def get_metric(name: str, where: str) -> Metric:
    """As `find_metric`; InputError for an unknown name. where: the file, and the line or key if there is one."""
    metric = find_metric(name)
    if metric is None:
        raise InputError(f"{where}: unknown metric {name!r}: known here are {KNOWN}")
    return metric


def order(name: str) -> tuple[int, int]:
    """Sort key: the order of the catalogue, then k. name: a known one, as `P@1`."""
    metric, _, k = name.partition("@")
    return list(METRICS).index(metric), int(k or 0)


def written(name: str) -> str:
    """`P@k` for `P@1`. name: a known one."""
    return METRICS[name.partition("@")[0]].written


def best_of(name: str, values: Collection[float]) -> float | None:
    """The best value of a metric; None if there are no values. name: a known one, as `P@1`."""
    choose = max if METRICS[name.partition("@")[0]].better == "higher" else min
    return choose(values, default=None)


def tolerance_of(name: str, given: Mapping[str, float]) -> float:
    """Percentage points: those given for this metric, else those of the catalogue. name: a known one, as `P@1`."""
    metric = name.partition("@")[0]
    return float(given.get(metric, METRICS[metric].tolerance))


def check_tolerance(name: str, where: str) -> None:
    """InputError for a tolerance of an unknown metric; tolerances are named without k. where: the file."""
    if name not in METRICS:
        raise InputError(f"{where}: tolerance: unknown metric {name!r}: known here are {', '.join(METRICS)}")
