"""The statistics of the datasets: computed, expected by the definition, and published, with what differs marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lightxml_core.files import made, read_json
from lightxml_core.reporting.cells import MISSING, NONE
from lightxml_core.reporting.features import columns_of
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import DatasetInfo, Selection

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = ("computed", "expected", "published", "difference")
_BESIDE = ("expected", "published", "difference", "source", "verified")  # for people only where a dataset has them
COLUMNS = ["dataset", "statistic", "computed", *_BESIDE]
SIZES = {"N_train": "training documents", "N_test": "test documents", "L": "labels"}
EQUAL = "equal"
_STATISTICS = {  # the names that published tables use, and the names a stats file may use for the same thing
    "N_train": ("n_trn", "n_train", "documents_trn", "train_documents", "documents_train"),
    "N_test": ("n_tst", "n_test", "documents_tst", "test_documents", "documents_test"),
    "D_tfidf": ("d", "d_tfidf", "features"),
    "L": ("l", "labels", "n_labels"),
    "avg_labels_per_doc": ("labels_per_document", "labels_per_doc", "avg_labels_per_document"),
    "avg_docs_per_label": ("documents_per_label", "docs_per_label", "avg_documents_per_label"),
    "words_per_doc_train": ("words_per_document_trn", "words_trn", "words_train", "words_per_document_train"),
    "words_per_doc_test": ("words_per_document_tst", "words_tst", "words_test", "words_per_document_test"),
}


def datasets(selection: Selection, published: pd.DataFrame) -> pd.DataFrame:
    """One row, exactly `COLUMNS`, a (dataset, statistic, published source).

    `difference` is computed less published, "equal" where both are the same to two digits after the point. Every
    source has its row. `D_tfidf` is the number of TF-IDF features, shipped or built.
    """
    import pandas as pd

    rows = [row for name in selection.datasets for row in _rows(selection, name, published)]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def datasets_table(selection: Selection, frame: pd.DataFrame) -> Table:
    """For people, from the frame or its .csv read as text; a figure that differs from the published one bears `≠`."""
    if not len(frame):
        return Table("Datasets", [], [], "", ["No statistics: nothing was computed, expected or published."])
    told = {column: frame[column].map(spelled) for column in ("computed", "expected", "published")}
    told["difference"] = [_told(row) for row in frame.to_dict("records")]
    shown = frame.assign(dataset=[title_of(selection.datasets, name) for name in frame["dataset"]], **told)
    shown = shown.drop(columns=[column for column in _BESIDE if set(shown[column]) == {NONE}])
    notes = ["≠: the computed figure differs from the published one."] if "published" in shown else []
    notes += ["Words are counted between white space.", *_unpublished(frame), *_copies(selection)]
    alignment = "".join("r" if column in _NUMBERS else "l" for column in shown)
    return Table("Datasets", list(shown), shown.to_numpy().tolist(), alignment, notes)


def other_data(entry: DatasetInfo, published: pd.DataFrame) -> str:
    """Why a dataset's figures are not of the data that the published ones are of, or nothing.

    entry: a dataset of the selection. published: all figures. A cut is other data, and so are other counts of
    documents or labels than any source reports.
    """
    if entry.cut:
        return f"a cut of {entry.cut}"
    printed = published[published.dataset == entry.published_as]
    said, counted = [], _counted(entry)
    for statistic, what in SIZES.items():
        known, own = sorted(set(printed[printed.metric == statistic].value)), counted.get(statistic)
        if own is not None and known and own not in known:
            said.append(f"{own:,} {what}, published {' or '.join(f'{value:,.0f}' for value in known)}")
    return f"another cut of the data: {'; '.join(said)}" if said else ""


def has_splits(selection: Selection, dataset: str) -> bool:
    """Whether the seeds of a dataset run on splits of its documents, one on each."""
    return bool(selection.datasets[dataset].splits)


def splits_notes(selection: Selection, names: Iterable[str]) -> list[str]:
    """For tables of means: on which of these datasets the runs differ by the split. None or one sentence."""
    titles = [title_of(selection.datasets, name) for name in dict.fromkeys(names) if has_splits(selection, name)]
    return [f"{', '.join(titles)}: means and ± are over splits of the documents, one seed per split."] if titles else []


def _counted(entry: DatasetInfo) -> dict[str, Any]:
    """What the corpus gave, under the names of published tables; empty before it is prepared."""
    return _canonical(_stats(entry))


def _stats(entry: DatasetInfo) -> dict[str, Any]:
    path = entry.stats
    found: dict[str, Any] = read_json(made(path)) if path.is_file() else {}
    return found


def spelled(value: Any) -> str:
    """A number for people: thousands apart, two digits after the point, more where it is small; other text as it is."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    if number.is_integer():
        return f"{number:,.0f}"
    return f"{number:,.2f}" if abs(number) >= 0.1 else f"{number:.2g}"


def _rows(selection: Selection, name: str, published: pd.DataFrame) -> Iterator[dict[str, Any]]:
    entry, columns = selection.datasets[name], columns_of(selection, name)
    known, expected = _counted(entry), _canonical(entry.expected)
    known |= {} if columns is None else {"D_tfidf": columns}
    printed = published[(published.dataset == entry.published_as) & published.metric.isin(_STATISTICS)]
    wanted = [*(s for s in _STATISTICS if s in {*known, *expected, *printed.metric}), *expected, *known]
    for statistic in dict.fromkeys(wanted):
        measured = {"computed": known.get(statistic, MISSING), "expected": expected.get(statistic, NONE)}
        for figure in [*printed[printed.metric == statistic].itertuples()] or [None]:
            yield {"dataset": name, "statistic": statistic, **measured, **_published(figure, measured["computed"])}


def _published(figure: Any, own: Any) -> dict[str, Any]:
    if figure is None:
        return dict.fromkeys(("published", "difference", "source", "verified"), NONE)
    told = {"published": figure.value, "source": figure.source, "verified": figure.verified}
    return {**told, "difference": _difference(own, figure.value)}


def _difference(own: Any, printed: float) -> float | str:
    if own == MISSING:
        return MISSING
    return EQUAL if round(float(own), 2) == round(printed, 2) else round(float(own) - printed, 4)


def _told(row: Mapping[str, Any]) -> str:
    try:
        difference = float(row["difference"])
    except ValueError:
        return str(row["difference"])
    share = 100.0 * difference / float(row["published"]) if float(row["published"]) else 0.0
    return f"≠ {difference:+,.4g} ({share:+.2g}%)"


def _copies(selection: Selection) -> list[str]:
    """Which download each dataset was read from, where it was downloaded."""
    entries = selection.datasets
    found = {title_of(entries, name): _stats(entry).get("copy") for name, entry in entries.items()}
    return [f"{title} was read from {copy}." for title, copy in found.items() if copy]


def _unpublished(frame: pd.DataFrame) -> list[str]:
    return ["Nothing is published for these datasets."] if set(frame["published"]) == {NONE} else []


def _canonical(statistics: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers only, under the names of published tables where a statistic has one."""
    names = {alias: name for name, aliases in _STATISTICS.items() for alias in (name.lower(), *aliases)}
    numbers = {key: v for key, v in statistics.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return {names.get(key.lower(), key): value for key, value in numbers.items()}
