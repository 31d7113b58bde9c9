"""What the project knows of a layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lightxml_core.corpus.layouts.shipped import ShippedFiles
from lightxml_core.corpus.types import Corpus


@dataclass(frozen=True)
class Layout:
    """The name in a dataset's file, a reader, the sets of files (role -> file name) of which it reads one, and what it
    also reads beside them.

    read: takes the folder, a `Leniency` and what `keys` set. shipped: the features that a copy in this layout may hold,
    in the order in which they are looked for. patterns: instead of variants, of the files that it reads. keys: of a
    source that say how it reads them. wordless: whether it has bags of words instead of texts.
    """

    name: str
    read: Callable[..., Corpus]
    variants: tuple[Mapping[str, str], ...] = ()
    optional: tuple[str, ...] = ()
    shipped: tuple[ShippedFiles, ...] = ()
    patterns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    wordless: bool = False
