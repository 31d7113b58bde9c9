"""The layout of X-Transformer: raw texts, label matrices and a label map."""

from __future__ import annotations

from pathlib import Path

from lightxml_core.corpus.layouts.layout import Layout
from lightxml_core.corpus.layouts.matrices import read_matrices
from lightxml_core.corpus.layouts.shipped import ShippedFiles
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.types import Corpus

FILES = {
    "trn_texts": "train_raw_texts.txt",
    "trn_Y": "Y.trn.npz",
    "tst_texts": "test_raw_texts.txt",
    "tst_Y": "Y.tst.npz",
    "labels": "label_map.txt",
}
SHIPPED = (ShippedFiles("X.trn.npz", "X.tst.npz"),)


def read(folder: Path, rules: Leniency) -> Corpus:
    """Read the files named in `FILES`."""
    return read_matrices(folder, FILES, rules)


LAYOUT = Layout("xtransformer", read, (FILES,), shipped=SHIPPED)
