"""Published figures, and published scores after each epoch: the CSV files under `published/`, checked on reading.

Imports nothing heavy.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from lightxml_core.errors import InputError
from lightxml_core.evaluation.catalogue import KNOWN, find_metric

VERIFIED = ("seen", "derived", "recalled", "unseen")
QUANTITIES = (  # what is published besides the metrics of the catalogue: statistics of datasets, and costs
    *("N_train", "N_test", "D_tfidf", "L", "avg_labels_per_doc", "avg_docs_per_label"),
    *("words_per_doc_train", "words_per_doc_test"),
    *("train_hours", "epoch_seconds", "epoch_minutes", "gpu_memory_gib", "model_size_gib", "model_size_gb"),
    *("predict_ms_per_document", "inference_seconds", "params"),
)


@dataclass(frozen=True)
class PublishedFigure:
    """One figure of one source. The names are the published ones; verified: one of `VERIFIED`."""

    dataset: str
    method: str
    variant: str
    metric: str
    value: float
    source: str
    verified: str


@dataclass(frozen=True)
class PublishedCurve:
    """A metric after each epoch of one published training, on the test documents.

    The names are the published ones. epochs: counted from 1, ascending. values: one per epoch, in percent.
    """

    dataset: str
    method: str
    variant: str
    metric: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]


COLUMNS = [entry.name for entry in fields(PublishedFigure)]
_EPOCH = COLUMNS.index("metric")  # the column of files with a row per epoch that others do not have
EPOCH_COLUMNS = [*COLUMNS[:_EPOCH], "epoch", *COLUMNS[_EPOCH:]]


def load_published(folder: Path) -> list[PublishedFigure]:
    """All figures of `folder/*.csv`.

    `main.csv` comes first, then the other files by name, rows in file order, so that the first figure is
    the one to show where sources disagree. Raises InputError, with file and line, for wrong columns, an empty cell,
    a value that is no finite number, an unknown `metric` or `verified`, or a repeated row.
    """
    files = sorted(folder.glob("*.csv"), key=lambda path: (path.name != "main.csv", path.name))
    if not files:
        raise InputError(f"{folder} holds no CSV file with published figures: name the folder that does")
    return [_figure(cells, where) for path in files for where, cells in _rows(path, COLUMNS)]


def load_curves(folder: Path) -> list[PublishedCurve]:
    """The curves of `folder/epochs/*.csv`, in file order; none where there are no such files.

    A row is a figure, as in the other files, and its epoch. Raises InputError, with file and line, as `load_published`
    does, and for an epoch that is not a whole number above the one before it in the same curve.
    """
    found: dict[tuple[str, str, str, str, str], dict[int, float]] = {}
    for path in sorted((folder / "epochs").glob("*.csv")):
        for where, cells in _rows(path, EPOCH_COLUMNS):
            figure = _figure([*cells[:_EPOCH], *cells[_EPOCH + 1 :]], where)
            curve = found.setdefault((figure.dataset, figure.method, figure.variant, figure.metric, figure.source), {})
            curve[_epoch(cells[_EPOCH], max(curve, default=0), where)] = figure.value
    return [
        PublishedCurve(dataset, method, variant, metric, tuple(curve), tuple(curve.values()))
        for (dataset, method, variant, metric, _), curve in found.items()
    ]


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The place and the cells of each row below the header; none of the cells is empty."""
    seen: dict[tuple[str, ...], int] = {}
    with path.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened)
        try:
            if next(reader, None) != list(columns):
                raise InputError(f"{path} line 1: the columns must be {', '.join(columns)}")
            for cells in filter(None, reader):
                where = f"{path} line {reader.line_num}"
                if len(cells) != len(columns) or not all(cell.strip() for cell in cells):
                    raise InputError(f"{where}: needs {len(columns)} cells, none of them empty: {','.join(cells)}")
                if (first := seen.setdefault(tuple(cells), reader.line_num)) != reader.line_num:
                    raise InputError(f"{where}: repeats line {first}: keep one of them")
                yield where, cells
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path} after line {reader.line_num}: not CSV in UTF-8 ({error}): correct it") from None


def _epoch(cell: str, before: int, where: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,5}", cell, re.ASCII) or int(cell) <= before:
        raise InputError(f"{where}: epoch {cell!r} is not a whole number above {before}: sort the rows of each curve")
    return int(cell)


def _figure(cells: list[str], where: str) -> PublishedFigure:
    dataset, method, variant, metric, value, source, verified = cells
    if metric not in QUANTITIES and not find_metric(metric):
        known = ", ".join((KNOWN, *QUANTITIES))
        raise InputError(f"{where}: unknown metric {metric!r}: known here are {known}")
    if verified not in VERIFIED:
        raise InputError(f"{where}: verified is {verified!r}: write one of {', '.join(VERIFIED)}")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: value {value!r} is not a finite number: write it with a decimal point, no unit")
    return PublishedFigure(dataset, method, variant, metric, number, source, verified)
