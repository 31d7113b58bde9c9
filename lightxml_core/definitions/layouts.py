"""The type of a layout's name in a definition."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, cast

from lightxml_core.definitions.kinds import OneOf


def layouts() -> Mapping[str, Any]:
    """All layouts by name. Imported by name, so that rules that read definitions do not depend on their code."""
    return cast(Mapping[str, Any], import_module("lightxml_core.corpus.layouts").LAYOUTS)


LayoutName = Annotated[str, OneOf(lambda: sorted(layouts()))]
