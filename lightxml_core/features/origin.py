"""Where the features of a dataset come from: shipped with the downloaded copy, or built from its texts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lightxml_core.files import read_json, unchanged, write_json

if TYPE_CHECKING:
    from lightxml_core.corpus.layouts.shipped import Shipped

# The files of the kind `shipped`: the matrix that label clusters are made from, and what is written here.
OF_CLUSTERS, ORIGIN = "X.clusters.npz", "origin.json"


@dataclass(frozen=True)
class Origin:
    """files: those of the copy that features were read from; none if they were built here. what: their contents.

    copy: the downloaded archives. columns: the number of features. first_column: the number of the first feature in
    `files`.
    """

    copy: str
    columns: int
    files: tuple[str, ...] = ()
    what: str = "TF-IDF"
    first_column: int = 0

    def __str__(self) -> str:
        if not self.files:
            return f"TF-IDF built here, because {self.copy} ships none for all documents"
        return f"{self.what} as shipped in {' and '.join(self.files)} of {self.copy}"


@dataclass(frozen=True)
class Origins:
    """The origins of the document features that methods read, and of those that label clusters are made from."""

    documents: Origin
    clusters: Origin

    def write(self, folder: Path) -> None:
        """Write them as a JSON file into the folder of the features."""
        write_json(folder / ORIGIN, asdict(self))


def read_origins(folder: Path) -> Origins:
    """Read the file that `Origins.write` wrote into a folder of features."""
    found = read_json(unchanged(folder / ORIGIN))
    return Origins(**{use: Origin(**{**values, "files": tuple(values["files"])}) for use, values in found.items()})


def origins(shipped: Shipped | None, columns: int, copy: str) -> Origins:
    """The origins of the features. Methods read the shipped ones if these cover all documents, else built ones.

    columns: the number of features that methods read. copy: the names of the archives that were downloaded.
    """
    built = Origin(copy, columns)
    if shipped is None:
        return Origins(built, built)
    own = Origin(copy, shipped.trn.shape[1], shipped.files, shipped.what, shipped.first_column)
    return Origins(built if shipped.tst is None else own, own)
