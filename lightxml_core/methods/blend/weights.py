"""The weights of the members, by ensemble selection (Caruana et al., ICML 2004)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from scipy import sparse

from lightxml_core.evaluation.metrics import precision, rank

_EQUAL = 1e-9  # percentage points


def select_weights(members: Mapping[str, sparse.csr_matrix], Y: sparse.csr_matrix, rounds: int) -> dict[str, float]:
    """The weight of each member; their sum is 1. members: CSR N × L of probabilities. Y: CSR N × L.

    In each round the member is added, again if need be, that makes the mean of P@1, P@3 and P@5 of the sum highest. The
    additions up to the best value count, and a weight is a member's share of them. Of equal values the one with fewer
    members, then the one with fewer additions, then the one with the earlier member is taken.
    """
    total = sparse.csr_matrix(Y.shape, dtype=np.float64)
    added: list[str] = []
    best, count = -1.0, 0
    for _ in range(rounds):
        values = {name: objective(precisions(total + scores, Y)) for name, scores in members.items()}
        highest = max(values.values())
        equal = [name for name, value in values.items() if value >= highest - _EQUAL]
        added.append(next((name for name in equal if name in added), equal[0]))
        total = total + members[added[-1]]
        if highest > best + _EQUAL:
            best, count = highest, len(added)
    counts = Counter(added[:count])
    return {name: counts[name] / count for name in members}


def precisions(scores: sparse.csr_matrix, Y: sparse.csr_matrix) -> dict[str, float]:
    """P@1, P@3 and P@5 by name, in percent."""
    ranking = rank(scores, Y, 5)
    return {f"P@{k}": 100.0 * precision(ranking, k) for k in (1, 3, 5)}


def objective(found: Mapping[str, float]) -> float:
    """What the weights are selected by: the mean of the precisions."""
    return sum(found.values()) / len(found)
