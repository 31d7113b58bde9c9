"""How a reproduced figure and the published ones share a cell, and the notes that explain it. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lightxml_core.reporting.markup import NOTHING
from lightxml_core.reporting.matching import Compared, Model, Reproduced
from lightxml_core.reporting.numbers import MISSING, NOT_RUN
from lightxml_core.reporting.published import PublishedFigure

_MARKS = {
    "†": "† Recalled from memory, not checked in the source.",
    "§": "§ Calculated from figures that were seen in the source.",
    "‡": "‡ Another source gives a different figure, listed below in the order of the columns.",
}
_OF = {"recalled": "†", "derived": "§"}


@dataclass(frozen=True)
class Cell:
    """A cell of a table: the names of its model and of its column, and its rows of the comparison.

    rows: one per published source, the first of which is shown in the cell.
    """

    model: str
    column: str
    rows: Sequence[Compared]

    def text(self, ran: bool = True) -> str:
        """`84.31 ± 0.21 [84.60†]`, `not run [84.60]`, `84.31`, `not run`; NOTHING where a run has no such figure.

        ran: whether the model was run.
        """
        if not self.rows:
            return NOTHING if ran else NOT_RUN
        first = self.rows[0]
        if first.published is None:
            return reproduced(first.reproduced)
        return f"{reproduced(first.reproduced)} [{_published(first.published)}{'‡' * bool(self.others)}]"

    @property
    def sources(self) -> list[str]:
        """The sources of the figure that the cell shows."""
        return [figure.source for figure in self._figures if figure.value == self._figures[0].value]

    @property
    def others(self) -> list[PublishedFigure]:
        """The published figures that are not the one that the cell shows."""
        return [figure for figure in self._figures if figure.value != self._figures[0].value]

    @property
    def _figures(self) -> list[PublishedFigure]:
        return [row.published for row in self.rows if row.published]


def protocol_of(model: Model) -> str:
    """The protocol of a model as tables print it."""
    return model.protocol or MISSING if model.ran else NOT_RUN


def reproduced(found: Reproduced | None) -> str:
    """The mean in percent, with its standard deviation where there are seeds enough."""
    if found is None:
        return NOT_RUN
    return f"{found.mean:.2f}" + ("" if found.std is None else f" ± {found.std:.2f}")


def notes_on(cells: Sequence[Cell]) -> list[str]:
    """What the seeds, the marks and the brackets of a table's cells mean, and what the other sources report."""
    others = _other_sources(cells)
    marked = " ".join([*(cell.text() for cell in cells), *others])
    marks = [note for mark, note in _MARKS.items() if mark in marked]
    return [seeds_note(row for cell in cells for row in cell.rows), *marks, _sources(cells), *others]


def seeds_note(rows: Iterable[Compared]) -> str:
    """How many seeds the means are over."""
    numbers = [row.reproduced.seeds for row in rows if row.reproduced] or [0]
    seeds = " to ".join(map(str, sorted({min(numbers), max(numbers)})))
    return f"Seeds per row: {seeds}; ± is the sample standard deviation over them, omitted for one seed."


def _sources(cells: Iterable[Cell]) -> str:
    sources = dict.fromkeys(source for cell in cells for source in cell.sources)
    return f"Published: {'; '.join(sources)}." if sources else "No published figures for these rows."


def _other_sources(cells: Sequence[Cell]) -> list[str]:
    """A note per source that differs from what the cells of a model show, with all that it reports for this model."""
    figures: dict[str, dict[str, dict[str, list[str]]]] = {}  # by source, model and column
    wanted = {(figure.source, cell.model) for cell in cells for figure in cell.others}
    for cell in {(cell.model, cell.column): cell for cell in cells}.values():
        for row in cell.rows:
            if row.published and (row.published.source, cell.model) in wanted:
                model = figures.setdefault(row.published.source, {}).setdefault(cell.model, {})
                model.setdefault(cell.column, []).append(_published(row.published))
    columns = list(dict.fromkeys(cell.column for cell in cells))
    return [
        f"‡ {source}: {'; '.join(f'{model} {_in_order(found, columns)}' for model, found in models.items())}."
        for source, models in figures.items()
    ]


def _in_order(found: Mapping[str, Sequence[str]], columns: Sequence[str]) -> str:
    """`86.16/74.43/62.46`, in the order of the columns; `P@1 86.16, P@5 62.46` where some have no figure."""
    given = {column: " and ".join(found[column]) for column in columns if column in found}
    if len(given) == len(columns) > 1:
        return "/".join(given.values())
    return ", ".join(f"{column} {figures}" for column, figures in given.items())


def _published(figure: PublishedFigure) -> str:
    return f"{figure.value:.2f}{_OF.get(figure.verified, '')}"
