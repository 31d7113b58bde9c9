"""Where the workflow puts what belongs to a model."""

from __future__ import annotations

from pathlib import Path


def results_of_dataset(model: Path) -> Path | None:
    """The folder of a dataset's results, if a model lies in it as the workflow puts it; None if it lies elsewhere."""
    above = model.absolute().parents  # seed, member, method, dataset
    return above[3] if len(above) > 3 else None
