"""What a file in datasets/ may hold about the corpus: how its files are read, and the expected statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from lightxml_core.definitions.kinds import Definition, FileName, Forms, Listed, Maybe, Text, one_of, plain
from lightxml_core.values import LARGEST, Count, Natural

Keep = Annotated[tuple[Literal["empty_texts", "documents_without_labels"], ...], Listed(least=0, unique=True)]
Mean = Annotated[float, Ge(0), Le(LARGEST)]


@dataclass(frozen=True, kw_only=True)
class Labels(Definition):
    """Which attributes of a table are labels: one of the two keys."""

    first: Maybe[Count] = None
    """So many attributes from the start."""
    last: Maybe[Count] = None
    """So many attributes from the end."""

    def __post_init__(self) -> None:
        one_of(self, ("first",), ("last",))

    @property
    def count(self) -> int:
        """The number of labels."""
        return (self.last if self.first is None else self.first) or 0


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

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that are read; none for random splits."""
        return tuple(name for name in (self.trn, self.tst) if isinstance(name, str))


@dataclass(frozen=True, kw_only=True)
class ReadingKeys(Definition):
    """How the files of some layouts are read."""

    separator: Maybe[Text] = None
    """What stands between the labels of a cell, for the layout csv."""
    labels: Maybe[Labels] = None
    """Which attributes are labels, for the layout arff."""
    splits: Maybe[Splits] = None
    """The splits of the documents, for the layout arff."""


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

    @property
    def of_parts(self) -> tuple[str, ...]:
        """The keys given whose values depend on which documents are for training."""
        whole = {"documents_trn", "documents_tst", "labels", "empty_texts", "documents_without_labels"}
        return tuple(key for key in plain(self) if key not in whole)
