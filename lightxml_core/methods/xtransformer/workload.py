"""Estimate the cost of training X-Transformer by that of its matcher; the rankers need little in comparison."""

from __future__ import annotations

from collections.abc import Mapping

from lightxml_core.methods.load import Load, Shape
from lightxml_core.methods.transformer.workload import transformer_load, width_read
from lightxml_core.methods.xtransformer.settings import Settings


def workload(settings: Settings, size: Mapping[str, int], shape: Shape) -> Load | None:
    """Estimate for a backbone of this size; None if its size or that of the dataset is not known.

    The matcher's head is counted as one over all labels, which overestimates it.
    """
    if "layers" not in size or not shape.documents_trn or not shape.labels:
        return None
    head = shape.labels * (width_read(settings.encoder, size) + 1)
    return transformer_load(settings, size, shape, shape.documents_trn, head)
