"""The members of methods with a `base`, and what each changes."""

from __future__ import annotations

from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.tables.pivot import by_model
from lightxml_core.reporting.tables.results import Built, Results, as_read
from lightxml_core.reporting.tables.variants import families, titled, titles_with_bases, variants

_EMPTY = (
    "No ablations: no method of this target has a `base`. The targets ablations and lightdxml-ablations consist of "
    "such methods."
)


def build(results: Results) -> Built:
    """A table per dataset and method with a `base`: its first member is the unchanged one."""
    selection, rows, found = results.selection, by_model(results.compared), {}
    titles = titles_with_bases(selection)
    for family, models in families(rows, lambda model: model.method).items():
        base = selection.methods[family[1]].base
        if base and len({model.protocol for model in models}) == 1 and len(models) > 1:
            found[family] = variants(selection, rows, models, models[0], f"Variants of {titles[base]}. ")
    return as_read(titled(selection, "Ablations", found) or [Table("Ablations", [], [], "", [_EMPTY])])
