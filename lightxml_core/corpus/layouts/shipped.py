"""The features that copies of a dataset ship beside its texts. Published figures were obtained with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.corpus.layouts.svmlight import read_svmlight
from lightxml_core.corpus.types import PartName
from lightxml_core.errors import InputError
from lightxml_core.files import load_csr


@dataclass(frozen=True)
class ShippedFiles:
    """The files of a layout that hold features, relative to the folder of its texts, and a description of them.

    A name that ends in .npz is a CSR matrix. Any other is a text file in svmlight's format.
    """

    trn: str
    tst: str
    what: str = "TF-IDF"


@dataclass(frozen=True, eq=False)
class Shipped:
    """Features as a copy ships them, one row per document in the order of the texts.

    trn: CSR N_trn × D of finite numbers. tst: N_tst × D, None if the copy only has features of training documents.
    files: the files they were read from. first_column: the number of the first column in these files, 0 or 1.
    """

    trn: csr_matrix
    tst: csr_matrix | None
    files: tuple[str, ...]
    what: str
    first_column: int = 0


def read_shipped(
    folder: Path, variants: Sequence[ShippedFiles], documents: Mapping[PartName, int], scratch: Path | None = None
) -> Shipped | None:
    """The first of `variants` whose training file is in `folder`; None if there is none.

    documents: how many each part has. scratch: a folder for unnamed temporary files that hold the values; None to keep
    them in memory. InputError for another number of rows, parts with different numbers of columns, values that are not
    numbers, and damaged files.
    """
    found = next((files for files in variants if (folder / files.trn).is_file()), None)
    if found is None:
        return None
    paths: dict[PartName, Path] = {"trn": folder / found.trn, "tst": folder / found.tst}
    paths = {part: path for part, path in paths.items() if path.is_file()}
    matrices, first = _read(list(paths.values()), scratch)
    for (part, path), X in zip(paths.items(), matrices, strict=True):
        if X.shape[0] != documents[part]:
            kind = "training" if part == "trn" else "test"
            raise InputError(
                f"{path} has features of {X.shape[0]} documents, but there are {documents[part]} {kind} documents: "
                "get all files from the same copy, or set `protocol: clean`, which builds TF-IDF from the texts"
            )
    names = tuple(str(path.relative_to(folder)) for path in paths.values())
    return Shipped(matrices[0], matrices[1] if len(matrices) > 1 else None, names, found.what, first)


def _read(paths: list[Path], scratch: Path | None) -> tuple[list[csr_matrix], int]:
    """The matrices and the number of the first column."""
    if paths[0].suffix != ".npz":
        return read_svmlight(*paths, scratch=scratch)
    matrices = [_matrix(path, scratch) for path in paths]
    if len({X.shape[1] for X in matrices}) > 1:
        raise InputError(
            f"{paths[0]} has {matrices[0].shape[1]} columns, {paths[1]} {matrices[1].shape[1]}: take both from one copy"
        )
    return matrices, 0


def _matrix(source: Path, scratch: Path | None) -> csr_matrix:
    X = load_csr(source, scratch)
    if X.dtype.kind not in "buif":
        raise InputError(f"{source} holds values of type {X.dtype}: features are numbers")
    if X.nnz and not (np.isfinite(X.data.min()) and np.isfinite(X.data.max())):
        raise InputError(f"{source} holds values that are not finite numbers: get a complete copy")
    return X if X.dtype in (np.float32, np.float64) else csr_matrix(X, dtype=np.float32)
