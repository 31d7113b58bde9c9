"""Options in a dataset's file that control how its files are read, besides the name of their layout."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from lightxml_core.corpus.splits import Split
from lightxml_core.definitions.corpus import Labels, ReadingKeys

# the keys of a `source` that say how its files are read
KEYS = tuple(key.name for key in fields(ReadingKeys))


@dataclass(frozen=True)
class Reading:
    """The options; None where the dataset's file does not set one.

    separator: the text between the labels of a cell. labels: which attributes are labels. split: which documents are
    for training and which for tests.
    """

    separator: str | None = None
    labels: Labels | None = None
    split: Split | None = None

    @staticmethod
    def of(keys: ReadingKeys, number: int = 0) -> Reading:
        """The options in the `source` of a dataset's file; number: of the split, from 0."""
        return Reading(keys.separator, keys.labels, Split(keys.splits, number) if keys.splits else None)

    def given(self) -> dict[str, Any]:
        """The options that are set, by the name of the field."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def keys(self) -> list[str]:
        """The keys of `source` that set them."""
        names = {"split": "splits"}
        return [names.get(name, name) for name in self.given()]


PLAIN = Reading()
