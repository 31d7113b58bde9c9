"""What the download of a dataset leaves in `source.json`: which copy was used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from lightxml_core.definitions.corpus import Expected
from lightxml_core.definitions.kinds import Definition, Listed, Maybe
from lightxml_core.definitions.layouts import LayoutName
from lightxml_core.definitions.reading import define
from lightxml_core.files import read_json, unchanged


@dataclass(frozen=True, kw_only=True)
class UsedFile(Definition):
    """A file that was downloaded: its address, its name in the folder of downloads, and its SHA-256."""

    url: str
    archive: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Used(Definition):
    """The copy of a dataset that was used: files from a mirror, or a package of an index with its SHA-256.

    expected: the verified statistics of a mirror's copy; None for a package, which has those of the dataset.
    """

    layout: LayoutName
    files: Annotated[tuple[UsedFile, ...], Listed(least=0)] = ()
    expected: Maybe[Expected] = None
    package: Maybe[str] = None
    sha256: Maybe[str] = None

    @property
    def address(self) -> str:
        """The package, or the address of the files, for people."""
        if self.package is not None:
            return self.package
        first, *others = [file.url for file in self.files]
        return first + (f" and {len(others)} more files beside it" if others else "")

    @property
    def archives(self) -> str:
        """The names of the downloaded files."""
        return ", ".join(file.archive for file in self.files)


def read_used(path: Path) -> Used:
    """What `download_dataset` wrote; InputError, which names the file, where it is damaged."""
    return define(read_json(unchanged(path)), Used, lambda *_: str(path))
