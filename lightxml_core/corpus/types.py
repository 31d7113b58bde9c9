"""The types that every layout is read into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from scipy.sparse import csr_matrix

PartName = Literal["trn", "tst"]
PARTS: tuple[PartName, PartName] = ("trn", "tst")


@dataclass(frozen=True, eq=False)
class Part:
    """One of the two parts of a corpus, N documents and L labels.

    texts: N documents, white space collapsed, re-iterable and streamed (a part may be larger than memory);
        None if the source has only a bag of words.
    Y: N × L float32, ones.
    X: N × D float32, the source's bag of words; None if the source has texts.
    """

    texts: Iterable[str] | None
    Y: csr_matrix
    X: csr_matrix | None = None


@dataclass(frozen=True, eq=False)
class Corpus:
    """Both parts and the L labels: column j of each Y is `labels[j]`, displayed as `names[j]` if there are names."""

    trn: Part
    tst: Part
    labels: list[str]
    names: list[str] | None = None

    def part(self, name: PartName) -> Part:
        """The part called `trn` or `tst`."""
        return self.trn if name == "trn" else self.tst
