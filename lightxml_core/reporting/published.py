"""Published figures: the CSV files under `published/`, checked on reading. Imports nothing heavy."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from lightxml_core.errors import InputError
from lightxml_core.evaluation.catalogue import KNOWN, find_metric

VERIFIED = ("seen", "derived", "recalled", "unseen")
QUANTITIES = (  # what is published besides the metrics of the catalogue: statistics of datasets, and costs
    *("N_train", "N_test", "D_tfidf", "L", "avg_labels_per_doc", "avg_docs_per_label"),
    *("words_per_doc_train", "words_per_doc_test"),
    *("train_hours", "epoch_seconds", "epoch_minutes", "gpu_memory_gib", "model_size_gib", "model_size_gb"),
    *("predict_ms_a_document", "inference_seconds", "params", "size_below_attentionxml_percent"),
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


COLUMNS = [entry.name for entry in fields(PublishedFigure)]


def load_published(folder: Path) -> list[PublishedFigure]:
    """All figures of `folder/*.csv`.

    `main.csv` comes first, then the other files by name, rows in file order, so that the first figure is
    the one to show where sources disagree. Raises InputError, with file and line, for wrong columns, an empty cell,
    a value that is no finite number, an unknown `metric` or `verified`, or a repeated row.
    """
    files = sorted(folder.glob("*.csv"), key=lambda path: (path.name != "main.csv", path.name))
    if not files:
        raise InputError(f"{folder} holds no CSV file with published figures: name the folder that does")
    return [figure for path in files for figure in _read(path)]


def _read(path: Path) -> Iterator[PublishedFigure]:
    seen: dict[tuple[str, ...], int] = {}
    with path.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened)
        try:
            if next(reader, None) != COLUMNS:
                raise InputError(f"{path} line 1: the columns must be {', '.join(COLUMNS)}")
            for cells in filter(None, reader):
                where = f"{path} line {reader.line_num}"
                yield _figure(cells, where)
                if (first := seen.setdefault(tuple(cells), reader.line_num)) != reader.line_num:
                    raise InputError(f"{where}: repeats line {first}: keep one of them")
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path} after line {reader.line_num}: not CSV in UTF-8 ({error}): correct it") from None


def _figure(cells: list[str], where: str) -> PublishedFigure:
    if len(cells) != len(COLUMNS) or not all(cell.strip() for cell in cells):
        raise InputError(f"{where}: needs {len(COLUMNS)} cells, none of them empty: {','.join(cells)}")
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
