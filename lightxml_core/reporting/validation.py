"""The scores of a run on validation documents. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping

from lightxml_core.methods.blend.model import read_blend
from lightxml_core.reporting.runs import Result


def validation_of(result: Result) -> Mapping[str, float] | None:
    """The last P@k on validation documents, in percent; None if the training computed none.

    For a blend they are computed on the documents that chose its weights. Others come from the training log.
    """
    if result.run.blended:
        return read_blend(result.run.path / "model").validation
    return next((line["validation"] for line in reversed(result.training) if line.get("validation")), None)
