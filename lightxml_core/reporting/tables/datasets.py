"""The statistics of the datasets: computed, expected by the definition, and published, with what differs marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightxml_core.files import read_json, unchanged
from lightxml_core.reporting.features import columns_of
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.matching import of_metric, of_published
from lightxml_core.reporting.numbers import MISSING, NONE, or_word, spelled
from lightxml_core.reporting.published import PublishedFigure
from lightxml_core.reporting.tables.results import Built, Results
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import DatasetInfo, Selection

_SIZES = {"N_train": "training documents", "N_test": "test documents", "L": "labels"}
_TFIDF = "D_tfidf"
_STATISTICS = {  # the names of the statistics of a corpus, and those of published tables, in the order of the rows
    "documents_trn": "N_train",
    "documents_tst": "N_test",
    _TFIDF: _TFIDF,  # not in stats.json: it is a statistic of the features
    "labels": "L",
    "labels_per_document": "avg_labels_per_doc",
    "documents_per_label": "avg_docs_per_label",
    "words_per_document_trn": "words_per_doc_train",
    "words_per_document_tst": "words_per_doc_test",
}
_PUBLISHED = tuple(_STATISTICS.values())


@dataclass(frozen=True)
class Statistic:
    """A statistic of a dataset by its published name; None where it was not computed, expected or published."""

    dataset: str
    name: str
    computed: float | None
    expected: float | None
    published: PublishedFigure | None

    @property
    def difference(self) -> float | None:
        """Computed less published, 0 where both are the same to two digits after the point."""
        if self.computed is None or self.published is None:
            return None
        if round(float(self.computed), 2) == round(self.published.value, 2):
            return 0
        return round(float(self.computed) - self.published.value, 4)


COLUMNS = ["dataset", "statistic", "computed", "expected", "published", "difference", "source", "verified"]


def build(results: Results) -> Built:
    """The .csv has one row per (dataset, statistic, published source).

    `difference` is computed less published, "equal" where both are the same to two digits after the point. Every
    source has its row. `D_tfidf` is the number of TF-IDF features, shipped or built.
    """
    selection = results.selection
    found = [row for name in selection.datasets for row in _statistics(selection, name, results.figures)]
    return Built([_table(selection, found)], COLUMNS, [_cells(row) for row in found])


def other_data(entry: DatasetInfo, figures: Iterable[PublishedFigure]) -> str | None:
    """Why a dataset's figures are not of the data that the published ones are of; None where they may be.

    entry: a dataset of the selection. figures: all that are published. A cut counts as other data; so does a number of
    documents or labels that no source reports.
    """
    if entry.cut:
        return f"a cut of {entry.cut}"
    published, counted, said = of_published(entry.published_as, figures), _counted(entry), []
    for statistic, what in _SIZES.items():
        known, own = sorted({f.value for f in published if f.metric == statistic}), counted.get(statistic)
        if own is not None and known and own not in known:
            said.append(f"{own:,} {what}, published {' or '.join(f'{value:,.0f}' for value in known)}")
    return f"another cut of the data: {'; '.join(said)}" if said else None


def _statistics(selection: Selection, name: str, figures: Sequence[PublishedFigure]) -> Iterator[Statistic]:
    entry, columns = selection.datasets[name], columns_of(selection, name)
    known, expected = _counted(entry), _canonical(entry.expected)
    known |= {} if columns is None else {_TFIDF: columns}
    published = [figure for figure in of_published(entry.published_as, figures) if figure.metric in _PUBLISHED]
    named = {*known, *expected, *(figure.metric for figure in published)}
    for statistic in dict.fromkeys([*(s for s in _PUBLISHED if s in named), *expected, *known]):
        for figure in of_metric(statistic, published):
            yield Statistic(name, statistic, known.get(statistic), expected.get(statistic), figure)


def _counted(entry: DatasetInfo) -> dict[str, float]:
    """What the corpus gave, under the names of published tables; empty before it is prepared."""
    return _canonical(_stats(entry))


def _stats(entry: DatasetInfo) -> dict[str, Any]:
    found: dict[str, Any] = read_json(unchanged(entry.stats)) if entry.stats.is_file() else {}
    return found


def _canonical(statistics: Mapping[str, Any]) -> dict[str, float]:
    """Numbers only, under the names of published tables where a statistic has one."""
    numbers = {key: v for key, v in statistics.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return {_STATISTICS.get(key, key): value for key, value in numbers.items()}


def _cells(row: Statistic) -> list[Any]:
    figure = row.published
    published: list[Any] = [NONE, NONE, NONE, NONE]
    if figure is not None:
        difference = or_word(row.difference, MISSING, lambda value: value or "equal")
        published = [figure.value, difference, figure.source, figure.verified]
    return [row.dataset, row.name, or_word(row.computed, MISSING), or_word(row.expected, NONE), *published]


# --- for people -----------------------------------------------------------------------------------------------------


def _table(selection: Selection, found: Sequence[Statistic]) -> Table:
    """A figure that differs from the published one is marked `≠`; columns that no dataset has are left out."""
    if not found:
        return Table("Datasets", [], [], "", ["No statistics: nothing was computed, expected or published."])
    rows = [_row(selection, row) for row in found]
    beside = COLUMNS[COLUMNS.index("expected") :]
    kept = [i for i, name in enumerate(COLUMNS) if name not in beside or {row[i] for row in rows} != {NONE}]
    headers = [COLUMNS[i] for i in kept]
    notes = ["≠: the computed figure differs from the published one."] if "published" in headers else []
    notes += ["Words are separated by white space."]
    notes += [] if "published" in headers else ["No published statistics for these datasets."]
    notes += _copies(selection)
    numbers = COLUMNS[COLUMNS.index("computed") : COLUMNS.index("source")]
    alignment = "".join("r" if name in numbers else "l" for name in headers)
    return Table("Datasets", headers, [[row[i] for i in kept] for row in rows], alignment, notes)


def _row(selection: Selection, row: Statistic) -> list[str]:
    figure = row.published
    published = [NONE, NONE, NONE, NONE]
    if figure is not None:
        published = [spelled(figure.value), _difference(row, figure), figure.source, figure.verified]
    measured = [or_word(row.computed, MISSING, spelled), or_word(row.expected, NONE, spelled)]
    return [title_of(selection.datasets, row.dataset), row.name, *measured, *published]


def _difference(row: Statistic, figure: PublishedFigure) -> str:
    if row.difference is None:
        return MISSING
    share = 100.0 * row.difference / figure.value if figure.value else 0.0
    return f"≠ {row.difference:+,.4g} ({share:+.2g}%)" if row.difference else "equal"


def _copies(selection: Selection) -> list[str]:
    """Which download each dataset was read from, where it was downloaded."""
    entries = selection.datasets
    found = {title_of(entries, name): _stats(entry).get("copy") for name, entry in entries.items()}
    return [f"{title} was read from {copy}." for title, copy in found.items() if copy]
