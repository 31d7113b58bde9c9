"""The layout of PECOS (`xmc-base`): texts, label matrices and output items. The store writes it too."""

from __future__ import annotations

from pathlib import Path

from lightxml_core.corpus.layouts.layout import Layout
from lightxml_core.corpus.layouts.matrices import read_matrices
from lightxml_core.corpus.layouts.shipped import ShippedFiles
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.types import Corpus

FILES = {
    "trn_texts": "X.trn.txt",
    "trn_Y": "Y.trn.npz",
    "tst_texts": "X.tst.txt",
    "tst_Y": "Y.tst.npz",
    "labels": "output-items.txt",
}
SHIPPED = (ShippedFiles("tfidf-attnxml/X.trn.npz", "tfidf-attnxml/X.tst.npz"),)


def read(folder: Path, rules: Leniency) -> Corpus:
    """Read the files named in `FILES`."""
    return read_matrices(folder, FILES, rules)


LAYOUT = Layout("pecos", read, (FILES,), shipped=SHIPPED)
