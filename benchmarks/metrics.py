"""All metrics in one pass against the released loop for P@1, P@3 and P@5 alone: 153,025 × 100 predictions.

The released code's way, restated: each document's true labels come as words, go through a map of all 670,091 of them
into a set, and meet the first 1, 3 and 5 of a sorted row of predictions. Ours also finds those five among the hundred,
which the prediction file holds by label.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from benchmarks.harness import compare
from lightxml_core.evaluation.evaluate import evaluate
from lightxml_core.evaluation.metrics import inverse_propensities

DOCUMENTS, LABELS, PREDICTED = 153_025, 670_091, 100


def main() -> None:
    random = np.random.default_rng(0)
    steps = random.integers(1, LABELS // PREDICTED, (DOCUMENTS, PREDICTED))
    predicted = random.permuted(np.cumsum(steps, axis=1), axis=1)  # no label twice in a row
    scores = -np.sort(-random.random((DOCUMENTS, PREDICTED), np.float32), axis=1)
    rows = np.repeat(np.arange(DOCUMENTS), PREDICTED)
    predictions = sparse.csr_matrix((scores.ravel(), (rows, predicted.ravel())), shape=(DOCUMENTS, LABELS))
    true = [
        np.unique(np.append(random.integers(0, LABELS, 4), predicted[i, random.integers(0, 5)]))
        for i in range(DOCUMENTS)
    ]
    indptr = np.cumsum([0, *map(len, true)])
    Y = sparse.csr_matrix((np.ones(indptr[-1], np.float32), np.concatenate(true), indptr), shape=(DOCUMENTS, LABELS))
    propensity = inverse_propensities(Y, 0.6, 2.6)
    number = {f"B{label:09}": label for label in range(LABELS)}
    names = list(number)
    texts = [" ".join(names[label] for label in labels) for labels in true]

    def loop() -> list[float]:
        totals = [0, 0, 0]
        for ranked, text in zip(predicted, texts, strict=True):
            wanted = {number[name] for name in text.split()}
            for place, k in enumerate((1, 3, 5)):
                totals[place] += len(wanted & set(ranked[:k]))
        return [100 * total / DOCUMENTS / k for total, k in zip(totals, (1, 3, 5), strict=True)]

    found = evaluate(predictions, Y, propensity)["accuracy"]
    np.testing.assert_allclose([found[f"P@{k}"] for k in (1, 3, 5)], loop())
    compare("metrics", lambda: evaluate(predictions, Y, propensity), loop, against="the released loop", goal=0.1)


if __name__ == "__main__":
    main()
