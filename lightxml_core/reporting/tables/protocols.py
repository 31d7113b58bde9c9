"""The same method by both protocols."""

from __future__ import annotations

from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.tables.pivot import by_model
from lightxml_core.reporting.tables.results import Built, Results, as_read
from lightxml_core.reporting.tables.variants import families, titled, variants

_EMPTY = "No method of this target was run by both protocols. The target protocols runs them so."


def build(results: Results) -> Built:
    """A table per dataset and method (with its variants) that was run by both protocols."""
    selection, rows, found = results.selection, by_model(results.compared), {}
    for family, models in families(rows, lambda m: selection.methods[m.method].base or m.method).items():
        clean = [model for model in models if model.protocol == "clean"]
        if clean and len({model.protocol for model in models}) > 1:
            found[family] = variants(selection, rows, models, clean[0])
    return as_read(titled(selection, "Protocols", found) or [Table("Protocols", [], [], "", [_EMPTY])])
