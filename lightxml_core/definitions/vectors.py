"""What a file in vectors/ may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, cast

from lightxml_core.definitions.kinds import (
    Bytes,
    Definition,
    Forms,
    Maybe,
    Pattern,
    PinnedPackage,
    Sha256,
    Some,
    Url,
)
from lightxml_core.definitions.reading import define

Member = Annotated[str, Pattern("^[A-Za-z0-9._/-]+$")]


@dataclass(frozen=True, kw_only=True)
class ArchiveSource(Definition):
    """An archive on the web that holds a text file of vectors."""

    urls: Some[Url]
    """Addresses of the same archive, in the order in which they are tried."""
    archive: Annotated[str, Pattern("^[A-Za-z0-9._-]+$")]
    """What it is called among the downloads."""
    file: Member
    """The text file within the archive."""
    sha256: Maybe[Sha256] = None
    """The SHA-256 of the archive."""
    bytes: Maybe[Bytes] = None
    """The size of the archive."""


@dataclass(frozen=True, kw_only=True)
class Columns(PinnedPackage):
    """A package with a table of words and an array of their vectors."""

    words: Member
    """A Parquet file of one column."""
    vectors: Member
    """An array in NumPy's format with a row per word."""


@dataclass(frozen=True, kw_only=True)
class Spacy(PinnedPackage):
    """A package that is a spaCy model."""

    vocab: Member
    """The folder `vocab` of the model."""


@dataclass(frozen=True, kw_only=True)
class PackageSource(Definition):
    """Packages with the same vectors: the first that can be had is used."""

    bytes: Maybe[Bytes] = None
    """The size of the package, for estimates alone: a package is held to its SHA-256."""
    packages: Some[Annotated[Columns | Spacy, Forms()]]
    """The packages, in the order in which they are tried."""


Source = ArchiveSource | PackageSource


@dataclass(frozen=True, kw_only=True)
class Vectors(Definition):
    """Vectors of words that a method may start from."""

    title: str
    """Their name."""
    note: Maybe[str] = None
    """A remark."""
    licence: Maybe[str] = None
    """The licence of the vectors."""
    source: Annotated[Source, Forms()]
    """Where they come from: an archive on the web, or packages."""


def source_of(value: Any) -> Source:
    """The source that a program was given as JSON."""
    return cast(Source, define(value, cast(Any, Annotated[Source, Forms()]), lambda *_: "--source"))
