"""Options in a dataset's file that control how its files are read, besides the name of their layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lightxml_core.corpus.splits import Split

# the keys of a `source` that say how its files are read
KEYS = ("separator", "labels", "splits")


@dataclass(frozen=True)
class LabelAttributes:
    """Which attributes of a table are labels: the first or the last `count` of them."""

    end: Literal["first", "last"]
    count: int


@dataclass(frozen=True)
class Reading:
    """The options; None where the dataset's file does not set one.

    separator: the text between the labels of a cell. labels: which attributes are labels. split: which documents are
    for training and which for tests.
    """

    separator: str | None = None
    labels: LabelAttributes | None = None
    split: Split | None = None

    @staticmethod
    def of(source: Mapping[str, Any], number: int = 0) -> Reading:
        """The options in the `source` of a dataset's file; number: of the split, from 0."""
        labels = [LabelAttributes(end, count) for end, count in source.get("labels", {}).items()]
        split = Split.of(source["splits"], number) if "splits" in source else None
        return Reading(source.get("separator"), labels[0] if labels else None, split)

    def given(self) -> dict[str, Any]:
        """The options that are set, by the name of the field."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def keys(self) -> list[str]:
        """The keys of `source` that set them."""
        names = {"split": "splits"}
        return [names.get(name, name) for name in self.given()]


PLAIN = Reading()
