"""The copies of a dataset that may be downloaded, and the files that each consists of."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from lightxml_core.definitions import dataset as definition
from lightxml_core.definitions.corpus import Expected
from lightxml_core.definitions.kinds import plain
from lightxml_core.definitions.layouts import LayoutName

_BARE = (".gz", ".bz2", ".xz")


@dataclass(frozen=True)
class Mirror:
    """An address (http, https or file) and, where known, the hex SHA-256, size in bytes and hex MD5 of its file."""

    url: str
    sha256: str | None = None
    bytes: int | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Piece:
    """One file of a copy.

    kept: its name among the downloads. stored: its name among the dataset's files, where it is decompressed if `kept`
    ends in .gz, .bz2 or .xz; None for an archive, whose contents become the dataset's files.
    """

    mirror: Mirror
    kept: str
    stored: str | None


@dataclass(frozen=True)
class Copy:
    """A copy of a dataset: an archive, or several single files.

    expected: the statistics that it must have. accept: use it even if its statistics differ.
    """

    layout: LayoutName
    pieces: tuple[Piece, ...]
    expected: Expected
    accept: bool


def copies(mirrors: Sequence[definition.Mirror], expected: Expected) -> list[Copy]:
    """The copies in the order of the dataset's file; a mirror's own `expected` overrides the dataset's."""
    return [
        Copy(entry.layout, _pieces(entry), replace(expected, **plain(entry.expected or Expected())), entry.accept)
        for entry in mirrors
    ]


def _pieces(entry: definition.Mirror) -> tuple[Piece, ...]:
    if isinstance(entry, definition.MirrorFiles):
        return tuple(map(_loose, entry.files))
    return (Piece(_mirror(entry), entry.archive, None),)


def drive_url(file_id: str) -> str:
    """The direct-download address of a public file on Google Drive, past the page that asks to confirm large files."""
    query = urllib.parse.urlencode({"id": file_id, "export": "download", "confirm": "t"})
    return f"https://drive.usercontent.google.com/download?{query}"


def _mirror(entry: definition.MirrorArchive | definition.MirrorFile) -> Mirror:
    url = entry.url or drive_url(str(entry.drive))  # a definition has one of the two
    return Mirror(url, entry.sha256, entry.bytes, entry.md5)


def _loose(entry: definition.MirrorFile) -> Piece:
    end = _last_part(entry.url or "")
    kept = entry.archive or (end if "." in end else entry.name or end)
    stored = entry.name or kept
    if suffix_of(kept):
        stored = stored[: len(stored) - len(suffix_of(stored))]
    return Piece(_mirror(entry), kept, stored)


def _last_part(url: str) -> str:
    try:
        return PurePosixPath(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    except ValueError:  # not an address; opening it reports that
        return ""


def is_file_name(name: str) -> bool:
    """Whether a download may have this name: ASCII letters, digits, `_`, `-` and `.`, not beginning with `.`."""
    return re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name) is not None


def suffix_of(name: str) -> str:
    """`.gz`, `.bz2` or `.xz` if the name ends so and is not that of a tar; else an empty string."""
    path = PurePosixPath(name.lower())
    return path.suffix if path.suffix in _BARE and PurePosixPath(path.stem).suffix != ".tar" else ""
