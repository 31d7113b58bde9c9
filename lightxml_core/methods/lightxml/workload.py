"""What a training of LightXML takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from lightxml_core.methods.lightxml.settings import Heads, Settings
from lightxml_core.methods.load import Load, Shape
from lightxml_core.methods.transformer.workload import transformer_load, width_read


def workload(settings: Settings, size: Mapping[str, int], shape: Shape) -> Load | None:
    """Estimate for a backbone of this size; None where that, or the dataset's, is not known."""
    if "layers" not in size or not shape.documents_trn or not shape.labels:
        return None
    head = _head(settings.heads, shape.labels, width_read(settings.encoder, size))
    load = transformer_load(settings, size, shape, shape.documents_trn, head)
    if not settings.memory.neighbours or load.memory is None:
        return load
    kept = 2.0 * shape.documents_trn * width_read(settings.encoder, size)  # a float16 vector per document
    return replace(load, memory=load.memory + kept, kept=kept)


def _head(heads: Heads, labels: float, read: int) -> float:
    """Weights of the head on features of width `read`."""
    if heads.head == "flat":
        return labels * (read + 1)
    clusters = 2.0 ** max(0, math.ceil(math.log2(labels / heads.max_leaf)))
    return clusters * (read + 1) + heads.bottleneck * (read + 1) + labels * heads.bottleneck
