"""The names of the layouts, as definitions hold them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, cast

from lightxml_core.definitions.kinds import OneOf


def layouts() -> Mapping[str, Any]:
    """All layouts by name. Imported by its name, so that to read a definition does not depend on how files are read."""
    return cast(Mapping[str, Any], import_module("lightxml_core.corpus.layouts").LAYOUTS)


LayoutName = Annotated[str, OneOf(lambda: sorted(layouts()))]
