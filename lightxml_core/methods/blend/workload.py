"""What a blend takes: next to nothing beside its members, which the workflow trains and plans as their own."""

from __future__ import annotations

from collections.abc import Mapping

from lightxml_core.methods.blend import Settings
from lightxml_core.methods.load import Load, Shape

_SCORES, _BYTES = 100.0, 48.0  # listed per document and member; bytes per score and its copies


def workload(settings: Settings, size: Mapping[str, int], shape: Shape) -> Load:
    """No operations of an encoder; memory for the scores of all members."""
    documents = shape.documents_tst  # of which there are more than validation documents
    memory = None if documents is None else _BYTES * _SCORES * documents * len(settings.blends)
    return Load(operations=0.0, weights=None, memory=memory)
