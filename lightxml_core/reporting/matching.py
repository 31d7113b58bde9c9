"""Which figures in print speak of which model, and whether both are of the same thing. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lightxml_core.reporting.runs import ENSEMBLE, Group, Selection

if TYPE_CHECKING:
    import pandas as pd

AS_PUBLISHED, SINGLE = "as-published", "single"


def figures_of(selection: Selection, group: Group, groups: Iterable[Group], printed: pd.DataFrame) -> pd.DataFrame:
    """The published figures that speak of this very model: same method, same kind of variant.

    An ensemble has those of the published ensemble; a member those published for its own name, for its encoder (by
    the method's `published_backbones`) or for any `single` model; a method that is one model here and in print
    (`as-published`) has that. printed: figures of this dataset.
    """
    siblings = {g.variant for g in groups if (g.dataset, g.method) == (group.dataset, group.method)}
    method = selection["methods"][group.method]
    kinds = {ENSEMBLE} if group.variant == ENSEMBLE else {*_kinds(method, group.variant, group.backbones), SINGLE}
    if group.variant == ENSEMBLE or siblings == {group.variant}:
        kinds.add(AS_PUBLISHED)
    return printed[(printed.method == method.get("published_as")) & printed.variant.isin(kinds)]


def encoders_in_print(method: Mapping[str, Any], variant: str) -> set[str]:
    """Backbones, by their names here, that the figures for a variant come from; empty where nobody says."""
    known: dict[str, str] = method.get("published_backbones") or {}
    return {known[variant]} if variant in known else set(known.values())


def _kinds(method: Mapping[str, Any], variant: str, backbones: set[str]) -> set[str]:
    known: dict[str, str] = method.get("published_backbones") or {}
    own = set() if variant in known else {name for name, backbone in known.items() if backbone in backbones}
    return {variant, *own}
