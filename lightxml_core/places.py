"""Where the workflow puts the results that belong to a model."""

from __future__ import annotations

from pathlib import Path


def results_of_dataset(model: Path) -> Path | None:
    """The folder of the results of a model's dataset, four levels above the model; None if there are fewer levels."""
    above = model.absolute().parents  # seed, member, method, dataset
    return above[3] if len(above) > 3 else None
