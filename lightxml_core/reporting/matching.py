"""Which published figures belong to which model, and which encoder they come from. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lightxml_core.reporting.runs import Group
from lightxml_core.selection import ENSEMBLE, MethodInfo, Selection

if TYPE_CHECKING:
    import pandas as pd

AS_PUBLISHED, SINGLE = "as-published", "single"


def figures_of(selection: Selection, group: Group, groups: Iterable[Group], published: pd.DataFrame) -> pd.DataFrame:
    """The published figures of this model: same method, same kind of variant, from every source.

    An ensemble has those of the published ensemble. A member has those published for its own name, for its encoder (by
    the method's `published_backbones`) or for any `single` model. A method that is one model, here and as published
    (`as-published`), has those. published: all figures of this dataset.
    """
    siblings = {g.variant for g in groups if (g.dataset, g.method) == (group.dataset, group.method)}
    method = selection.methods[group.method]
    kinds = {ENSEMBLE} if group.is_ensemble else {*_kinds(method, group.variant, group.backbones), SINGLE}
    if group.is_ensemble or siblings == {group.variant}:
        kinds.add(AS_PUBLISHED)
    return published[(published.method == method.published_as) & published.variant.isin(kinds)]


def published_encoders(method: MethodInfo, variant: str) -> set[str]:
    """Backbones, by their names here, that the published figures of a variant come from; empty where unknown."""
    known = method.published_backbones
    return {known[variant]} if variant in known else set(known.values())


def _kinds(method: MethodInfo, variant: str, backbones: set[str]) -> set[str]:
    known = method.published_backbones
    own = set() if variant in known else {name for name, backbone in known.items() if backbone in backbones}
    return {variant, *own}
