"""Which TF-IDF a run was made from, read from its folder. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator

from lightxml_core.features.origin import ORIGIN, Origin, read_origins
from lightxml_core.files import read_json, unchanged
from lightxml_core.selection import RunFeatures, Selection

BUILT = "TF-IDF built here"


def features_of(selection: Selection, dataset: str, features: RunFeatures | None) -> str:
    """The TF-IDF of a run, or of its label clusters, in words; empty where it reads none.

    features: those of one of the selection's runs.
    """
    if not features:
        return ""
    if origin := _origin(features):
        return str(origin)
    return BUILT if has_texts(selection, dataset) else "the corpus itself, a bag of words"


def built_here(selection: Selection, dataset: str, features: RunFeatures | None) -> bool:
    """Whether that TF-IDF was built from the texts."""
    if not features:
        return False
    origin = _origin(features)
    return has_texts(selection, dataset) if origin is None else not origin.files


def columns_of(selection: Selection, dataset: str) -> int | None:
    """How many features a dataset's documents have: the shipped ones where a run reads them. None if unknown."""
    if read := next(_shipped(selection, dataset), None):
        return read.columns
    vocabulary = selection.datasets[dataset].stats.parent.parent / "features/tfidf/vocabulary.json"
    return len(read_json(unchanged(vocabulary))) if vocabulary.is_file() else None


def _shipped(selection: Selection, dataset: str) -> Iterator[Origin]:
    for run in selection.runs:
        if run.dataset == dataset and run.features and _origin(run.features):
            yield read_origins(run.features.folder).documents


def _origin(features: RunFeatures) -> Origin | None:
    """The origin of shipped features; None for features that are always built here."""
    folder = features.folder
    if not (folder / ORIGIN).is_file():
        return None
    found = read_origins(folder)
    return found.clusters if features.use == "clusters" else found.documents


def has_texts(selection: Selection, dataset: str) -> bool:
    """Whether a dataset consists of texts, not of a bag of words; true as long as its corpus is not prepared."""
    stats = selection.datasets[dataset].stats
    return not stats.is_file() or bool(read_json(unchanged(stats)).get("texts", True))
