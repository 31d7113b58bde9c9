"""The models of the main table at PSP@1, 3 and 5."""

from __future__ import annotations

from lightxml_core.reporting.tables.pivot import PROPENSITY, is_whole, pivots
from lightxml_core.reporting.tables.results import Built, Results, as_read


def build(results: Results) -> Built:
    """One row per method."""
    return as_read(pivots(results, "Propensity-scored comparison", is_whole, PROPENSITY))
