"""The layouts in which corpora are published, by name. A new one is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lightxml_core.corpus.layouts import attentionxml, csv_table, hpo, pecos, wordnet, xmc_bow, xtransformer
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.types import PARTS, Corpus
from lightxml_core.errors import InputError

LAYOUTS: dict[str, Callable[[Path, Leniency], Corpus]] = {
    "attentionxml": attentionxml.read,
    "csv": csv_table.read,
    "hpo": hpo.read,
    "pecos": pecos.read,
    "wordnet": wordnet.read,
    "xmc-bow": xmc_bow.read,
    "xtransformer": xtransformer.read,
}


def read(layout: str, folder: Path, rules: Leniency) -> Corpus:
    """Read a corpus in `layout` from `folder`, or from the nearest folder within it that holds the files.

    Labels are checked here; texts are checked while they are streamed, in the pass that stores them.
    Raises InputError for an unknown layout, missing files and whatever the layout's files get wrong.
    """
    if layout not in LAYOUTS:
        raise InputError(f"unknown layout {layout!r}: choose one of {', '.join(LAYOUTS)}")
    corpus = LAYOUTS[layout](folder, rules)
    for name in PARTS:
        if corpus.part(name).Y.shape[0] == 0:
            raise InputError(f"{folder} holds no {name} document: unpack or download the dataset again")
    return corpus
