"""The layouts in which corpora are published, by name. A new one is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lightxml_core.corpus.layouts import attentionxml, csv_table, hpo, pecos, wordnet, xmc_bow, xtransformer
from lightxml_core.corpus.layouts.locate import found_in
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.types import PARTS, Corpus
from lightxml_core.errors import InputError


@dataclass(frozen=True)
class Layout:
    """A reader, the sets of files (role -> file name) of which it reads one, and what it also reads beside them."""

    read: Callable[[Path, Leniency], Corpus]
    variants: tuple[Mapping[str, str], ...]
    optional: tuple[str, ...] = ()


LAYOUTS = {
    "attentionxml": Layout(attentionxml.read, attentionxml.VARIANTS, (attentionxml.NAMES,)),
    "csv": Layout(csv_table.read, csv_table.VARIANTS),
    "hpo": Layout(hpo.read, (hpo.FILES,)),
    "pecos": Layout(pecos.read, (pecos.FILES,)),
    "wordnet": Layout(wordnet.read, (wordnet.FILES,)),
    "xmc-bow": Layout(xmc_bow.read, xmc_bow.VARIANTS),
    "xtransformer": Layout(xtransformer.read, (xtransformer.FILES,)),
}


def files_read(layout: str, folder: Path) -> list[Path]:
    """The files in `folder` that the layout would read, sorted; empty where it would not find what it needs."""
    form = LAYOUTS[layout]
    files = {path for found in found_in(folder, *form.variants) for path in found.values()}
    beside = {path.with_name(name) for path in files for name in form.optional}
    return sorted(files | {path for path in beside if path.is_file()})


def read(layout: str, folder: Path, rules: Leniency) -> Corpus:
    """Read a corpus in `layout` from `folder`, or from the nearest folder within it that holds the files.

    Labels are checked here; texts are checked while they are streamed, in the pass that stores them.
    Raises InputError for an unknown layout, missing files and whatever the layout's files get wrong.
    """
    if layout not in LAYOUTS:
        raise InputError(f"unknown layout {layout!r}: choose one of {', '.join(LAYOUTS)}")
    corpus = LAYOUTS[layout].read(folder, rules)
    for name in PARTS:
        if corpus.part(name).Y.shape[0] == 0:
            raise InputError(f"{folder} holds no {name} document: unpack or download the dataset again")
    return corpus
