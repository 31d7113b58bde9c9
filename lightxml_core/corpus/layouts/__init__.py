"""The layouts in which corpora are published, by name. A new one is one module and one line here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lightxml_core.corpus.labels import lookalikes
from lightxml_core.corpus.layouts import (
    arff,
    attentionxml,
    csv_table,
    hpo,
    libmultilabel,
    pecos,
    wordnet,
    xmc_bow,
    xtransformer,
)
from lightxml_core.corpus.layouts.locate import found_in, levels, locate
from lightxml_core.corpus.layouts.shipped import Shipped, ShippedFiles, read_shipped
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.reading import KEYS, PLAIN, Reading
from lightxml_core.corpus.types import PARTS, Corpus, PartName
from lightxml_core.errors import InputError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Layout:
    """A reader and the files that it reads.

    variants: sets of files (role -> file name), of which it reads one. optional: files that it also reads if they are
    beside those. shipped: features that a copy in this layout may contain, in the order in which they are looked for.
    patterns: glob patterns of the files, instead of variants. keys: the keys of a source that control the reading.
    """

    read: Callable[..., Corpus]
    variants: tuple[Mapping[str, str], ...] = ()
    optional: tuple[str, ...] = ()
    shipped: tuple[ShippedFiles, ...] = ()
    patterns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


LAYOUTS = {
    "arff": Layout(arff.read, patterns=arff.PATTERNS, keys=("labels", "splits")),
    "attentionxml": Layout(attentionxml.read, attentionxml.VARIANTS, (attentionxml.NAMES,), attentionxml.SHIPPED),
    "csv": Layout(csv_table.read, csv_table.VARIANTS, keys=("separator",)),
    "hpo": Layout(hpo.read, (hpo.FILES,)),
    "libmultilabel": Layout(libmultilabel.read, (libmultilabel.FILES,), shipped=libmultilabel.SHIPPED),
    "pecos": Layout(pecos.read, (pecos.FILES,), shipped=pecos.SHIPPED),
    "wordnet": Layout(wordnet.read, (wordnet.FILES,)),
    "xmc-bow": Layout(xmc_bow.read, xmc_bow.VARIANTS),
    "xtransformer": Layout(xtransformer.read, (xtransformer.FILES,), shipped=xtransformer.SHIPPED),
}


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
