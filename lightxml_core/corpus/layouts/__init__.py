"""The layouts in which corpora are published, by name. A new one is a module here with a `LAYOUT`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path

from lightxml_core.corpus.labels import lookalikes
from lightxml_core.corpus.layouts.layout import Layout
from lightxml_core.corpus.layouts.locate import found_in, levels, locate
from lightxml_core.corpus.layouts.shipped import Shipped, read_shipped
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.reading import KEYS, PLAIN, Reading
from lightxml_core.corpus.types import PARTS, Corpus, PartName
from lightxml_core.errors import InputError

logger = logging.getLogger(__name__)


# Every module in this folder. The programs that read layouts depend on all of them (`lightxml_core.imports`).
FILES = sorted(Path(__file__).parent.glob("*.py"))


def _catalogue() -> Iterator[Layout]:
    for path in FILES:
        if path != Path(__file__):
            found = getattr(import_module(f"{__package__}.{path.stem}"), "LAYOUT", None)
            if isinstance(found, Layout):  # else it is a module that layouts share
                yield found


LAYOUTS = {layout.name: layout for layout in _catalogue()}


def files_read(layout: str, folder: Path, reading: Reading = PLAIN) -> list[Path]:
    """The files in `folder` that the layout would read, sorted; empty if files that it needs are missing."""
    form = LAYOUTS[layout]
    if form.patterns:
        splits = reading.split.splits.files if reading.split else ()
        return _matching(folder, form.patterns, splits)
    files = {path for found in found_in(folder, *form.variants) for path in found.values()}
    beside = {path.with_name(name) for path in files for name in form.optional}
    return sorted(files | {path for path in beside if path.is_file()})


def _matching(folder: Path, patterns: tuple[str, ...], beside: tuple[str, ...]) -> list[Path]:
    """The matching files on the first level where the first pattern matches any, and the files `beside` them."""
    for level in levels(folder):
        if any(path for inside in level for path in inside.glob(patterns[0])):
            found = (path for inside in level for pattern in (*patterns, *beside) for path in inside.glob(pattern))
            return sorted({path for path in found if path.is_file()})
    return []


def shipped_features(
    layout: str, folder: Path, documents: Mapping[PartName, int], scratch: Path | None = None
) -> Shipped | None:
    """The features that a copy in `layout` ships beside the texts that `read` finds; None if it ships none.

    documents, scratch, errors: as in `read_shipped`. InputError also if `folder` does not have the texts.
    """
    form = LAYOUTS[layout]
    texts = next(iter(locate(folder, *form.variants).values()))
    return read_shipped(texts.parent, form.shipped, documents, scratch)


def read(layout: str, folder: Path, rules: Leniency, reading: Reading = PLAIN) -> Corpus:
    """Read a corpus in `layout` from `folder`, or from the nearest folder within it that holds the files.

    reading: options of the dataset's file; only those of this layout are allowed.
    Labels are checked here. Texts are checked while they are streamed, in the pass that stores them.
    InputError for an unknown layout, missing files and files that do not follow the layout.
    """
    if layout not in LAYOUTS:
        raise InputError(f"unknown layout {layout!r}: choose one of {', '.join(LAYOUTS)}")
    if foreign := foreign_keys(layout, reading.keys()):
        raise InputError(f"{foreign[0]} {only(foreign[0])}, not {layout}: leave it out")
    corpus = LAYOUTS[layout].read(folder, rules, **reading.given())
    for name in PARTS:
        if corpus.part(name).Y.shape[0] == 0:
            raise InputError(f"{folder} has no {name} documents: check that its files are complete")
    _warn_of_lookalikes(corpus.labels)
    return corpus


def foreign_keys(layout: str, keys: Iterable[str]) -> list[str]:
    """Those of `keys` that control the reading of other layouts than this one."""
    return [key for key in keys if key in KEYS and key not in LAYOUTS[layout].keys]


def only(key: str) -> str:
    """Which layouts a key is for, as part of an error's sentence."""
    return f"is for the layout {' and '.join(name for name, form in LAYOUTS.items() if key in form.keys)} only"


def _warn_of_lookalikes(labels: list[str]) -> None:
    found = list(lookalikes(labels))
    if found:
        one, other = found[0]
        logger.warning(
            "%d labels look like another label but have other characters, so they count as different labels: "
            "for example %s (%s) and %s (%s): write them in the same way",
            *(len(found), one, ascii(one), other, ascii(other)),
        )
