"""How a reproduced figure and the published ones share a cell, and the notes that explain it. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightxml_core.reporting.markup import NOTHING

NOT_RUN, NONE, MISSING = "not run", "none", "n/a"
_MARKS = {
    "†": "† recalled: nobody could check this figure in its source.",
    "§": "§ derived from figures that were seen.",
    "‡": "‡ another source differs; the notes give its figures in the order of the columns.",
}
_OF = {"recalled": "†", "derived": "§"}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A cell of a table for people: the model and the column it belongs to, and its rows of the long comparison.

    rows: one per published source, the first of which is shown in the cell; their values are numbers, or text as in
    the .csv.
    """

    model: str
    column: str
    rows: Sequence[Row]

    def text(self, run: bool = True) -> str:
        """`84.31 ± 0.21 [84.60†]`, `not run [84.60]`, `84.31`, `not run`; NOTHING where a run has no such figure.

        run: whether there is a run at all.
        """
        if not self.rows:
            return NOTHING if run else NOT_RUN
        first, other = self.rows[0], any(map(self.differs, self.rows))
        return reproduced(first) + ("" if first["published"] == NONE else f" [{_published(first)}{'‡' * other}]")

    def differs(self, row: Row) -> bool:
        """Whether a published figure is not the one that the cell shows."""
        return row["published"] != NONE and float(row["published"]) != float(self.rows[0]["published"])


def reproduced(row: Row) -> str:
    """The mean in percent, with its standard deviation where there are seeds enough."""
    if row["reproduced_mean"] == NOT_RUN:
        return NOT_RUN
    std = row["reproduced_std"]
    return f"{float(row['reproduced_mean']):.2f}" + ("" if std == MISSING else f" ± {float(std):.2f}")


def notes_on(cells: Sequence[Cell]) -> list[str]:
    """What the seeds, the marks and the brackets of a table's cells mean, and what the other sources report."""
    others = _other_sources(cells)
    marked = " ".join([*(cell.text() for cell in cells), *others])
    marks = [note for mark, note in _MARKS.items() if mark in marked]
    return [seeds_note(row["seeds"] for cell in cells for row in cell.rows), *marks, _sources(cells), *others]


def seeds_note(counts: Iterable[Any]) -> str:
    """On how many seeds the means stand. counts: of each row, 0 for what was not run."""
    numbers = [int(count) for count in counts if int(count)] or [0]
    seeds = " to ".join(map(str, sorted({min(numbers), max(numbers)})))
    return f"Seeds per row: {seeds}; ± is the sample standard deviation over them, absent for one seed."


def _sources(cells: Iterable[Cell]) -> str:
    rows = [row for cell in cells for row in cell.rows if row["published"] != NONE and not cell.differs(row)]
    sources = dict.fromkeys(str(row["source"]) for row in rows)
    return f"Published: {'; '.join(sources)}." if sources else "Nothing is published for these models."


def _other_sources(cells: Sequence[Cell]) -> list[str]:
    """A note per source that differs from what the cells of a model show, with all that it reports for this model."""
    figures: dict[str, dict[str, dict[str, list[str]]]] = {}  # by source, model and column
    wanted = {(row["source"], cell.model) for cell in cells for row in cell.rows if cell.differs(row)}
    for cell in {(cell.model, cell.column): cell for cell in cells}.values():
        for row in cell.rows:
            if (row["source"], cell.model) in wanted:
                model = figures.setdefault(str(row["source"]), {}).setdefault(cell.model, {})
                model.setdefault(cell.column, []).append(_published(row))
    columns = list(dict.fromkeys(cell.column for cell in cells))
    return [
        f"‡ {source}: {'; '.join(f'{model} {_in_order(found, columns)}' for model, found in models.items())}."
        for source, models in figures.items()
    ]


def _in_order(found: Mapping[str, Sequence[str]], columns: Sequence[str]) -> str:
    """`86.16/74.43/62.46`, in the order of the columns; `P@1 86.16, P@5 62.46` where some have no figure."""
    told = {column: " and ".join(found[column]) for column in columns if column in found}
    if len(told) == len(columns) > 1:
        return "/".join(told.values())
    return ", ".join(f"{column} {figures}" for column, figures in told.items())


def _published(row: Row) -> str:
    return f"{float(row['published']):.2f}{_OF.get(row['verified'], '')}"
