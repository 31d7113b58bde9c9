"""How long a trained model takes to tag one text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from statistics import median

from lightxml_core.errors import InputError
from lightxml_core.methods import Predict, TestData

TEXTS = 21  # tagged at most
_SECONDS = 0.5  # of all timed texts together


def seconds_for_one_text(model: Path, best: Predict, documents: TestData, texts: Sequence[str]) -> float | None:
    """The median time in s to tag one text with the model in memory: from the text to its labels, as `Predictor` does.

    best: the prediction of the model. texts: about `TEXTS` of them. documents: the test documents. Only a blend uses
    them: it takes the scores of its members from there, so its time does not include theirs. None without texts, or if
    the model reads none.
    """
    if documents.members:
        return _median(partial(best, _scores_of(documents, row), 5) for row in range(min(len(texts), TEXTS)))
    # imported by name, so that an edit to the tagging of texts, or to another method, does not repeat predictions
    of_texts = import_module("lightxml_core.predictor").Predictor
    try:
        predictor = of_texts(model, best)
    except InputError:
        return None  # its features were not built here
    return _median(partial(predictor.predict, [text]) for text in texts)


def _scores_of(documents: TestData, row: int) -> TestData:
    return TestData(members={name: scores[row] for name, scores in documents.members.items()}, documents=1)


def _median(calls: Iterable[Callable[[], object]]) -> float | None:
    """The median time of the calls in s, until they have taken `_SECONDS` together; None for fewer than two calls.

    The first call is not timed, because it also loads what is loaded on demand.
    """
    calls, times = iter(calls), list[float]()
    for call in islice(calls, 1):
        call()
    for call in calls:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
        if sum(times) > _SECONDS:
            break
    return median(times) if times else None
