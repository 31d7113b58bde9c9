"""Each method's ensemble, or its only model, at P@1, 3 and 5."""

from __future__ import annotations

from lightxml_core.reporting.tables.pivot import PRECISION, is_whole, pivots
from lightxml_core.reporting.tables.results import Built, Results, as_read


def build(results: Results) -> Built:
    """As Table 2 of the LightXML paper has it: one row per method."""
    return as_read(pivots(results, "Main comparison", is_whole, PRECISION))
