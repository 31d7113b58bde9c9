"""What a table is built from, and what it is when it is built. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lightxml_core.archive.entry import Archive
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.matching import Compared, compare
from lightxml_core.reporting.published import PublishedFigure
from lightxml_core.reporting.runs import Group, groups_of
from lightxml_core.selection import Selection


@dataclass(frozen=True)
class Results:
    """The runs of a selection, all published figures, and the tolerances that the user set.

    tolerance: in percentage points by metric, such as `P`. Others have that of the catalogue of metrics. archive:
    archived runs by their place.
    """

    selection: Selection
    figures: Sequence[PublishedFigure]
    tolerance: Mapping[str, float]
    archive: Archive = field(default_factory=dict)

    @cached_property
    def groups(self) -> list[Group]:
        """The runs, grouped over seeds."""
        return groups_of(self.selection)

    @cached_property
    def compared(self) -> list[Compared]:
        """Every reproduced figure beside every published one."""
        return compare(self.selection, self.figures)


@dataclass(frozen=True)
class Built:
    """One kind of table: its tables for people, and the columns and rows of its .csv, one value per cell."""

    tables: Sequence[Table]
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def as_read(tables: Sequence[Table]) -> Built:
    """Tables whose .csv has the cells as people read them, each row after the title of its table.

    The tables have the same headers. Where none has rows, the .csv says what they say instead.
    """
    if not any(table.rows for table in tables):
        return Built(tables, ["table", "note"], [[table.title, " ".join(table.notes)] for table in tables])
    rows = [[table.title, *row] for table in tables for row in table.rows]
    return Built(tables, ["table", *tables[0].headers], rows)
