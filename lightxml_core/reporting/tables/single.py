"""Members of ensembles and other single models, at P@1, 3 and 5."""

from __future__ import annotations

from lightxml_core.reporting.tables.pivot import PRECISION, is_single, pivots
from lightxml_core.reporting.tables.results import Built, Results, as_read


def build(results: Results) -> Built:
    """One row per model that is no ensemble."""
    return as_read(pivots(results, "Single models", is_single, PRECISION))
