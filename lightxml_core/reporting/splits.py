"""What tables say of datasets whose seeds run on different splits. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Selection


def has_splits(selection: Selection, dataset: str) -> bool:
    """Whether the seeds of a dataset run on splits of its documents, one on each."""
    return bool(selection.datasets[dataset].splits)


def splits_notes(selection: Selection, names: Iterable[str]) -> list[str]:
    """The note of a table of means: which of these datasets have splits, in one sentence; empty where none has."""
    titles = [title_of(selection.datasets, name) for name in dict.fromkeys(names) if has_splits(selection, name)]
    return [f"{', '.join(titles)}: means and ± are over splits of the documents, one seed per split."] if titles else []
