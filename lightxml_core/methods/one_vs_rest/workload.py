"""What a training of one-vs-rest takes."""

from __future__ import annotations

from collections.abc import Mapping

from lightxml_core.methods.load import DISTINCT, Load, Shape, sparse_memory
from lightxml_core.methods.one_vs_rest import Settings

# Each label's classifier passes over the features of all documents. Seconds of one core per feature value and label:
# HPO-5K, 13,088 documents of 38.8 words and 5,423 labels, took 67 to 101 s (docs/measured/hpo-5k/methods.csv).
_SECONDS = 5e-8


def workload(settings: Settings, size: Mapping[str, int], shape: Shape) -> Load | None:
    """Time of one core and memory; None where the dataset's size is not known."""
    if shape.all_words is None or not shape.documents_trn or not shape.words or not shape.labels:
        return None
    values = shape.documents_trn * shape.words * DISTINCT
    return Load(None, None, sparse_memory(shape.all_words), core_seconds=_SECONDS * values * shape.labels)
