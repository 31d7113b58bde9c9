"""Published figures: the CSV files under `published/`, checked on reading."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from lightxml_core.errors import InputError

COLUMNS = ["dataset", "method", "variant", "metric", "value", "source", "verified"]
VERIFIED = ("seen", "derived", "recalled", "unseen")


def load_published(folder: Path) -> pd.DataFrame:
    """All figures of `folder/*.csv` in one frame: the columns of `COLUMNS`, `value` float64, the others str.

    `main.csv` comes first, then the other files by name, rows in file order, so that the first row is
    the one to show where sources disagree. Raises InputError, with file and line, for wrong columns, an empty cell,
    a value that is no finite number, an unknown `verified` or a repeated row.
    """
    files = sorted(folder.glob("*.csv"), key=lambda path: (path.name != "main.csv", path.name))
    if not files:
        raise InputError(f"{folder} holds no CSV file with published figures: name the folder that does")
    rows: list[list[str | float]] = []
    for path in files:
        rows += _read(path)
    return pd.DataFrame(rows, columns=COLUMNS).astype({"value": float})


def _read(path: Path) -> list[list[str | float]]:
    seen: dict[tuple[str, ...], int] = {}
    rows: list[list[str | float]] = []
    with path.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened)
        try:
            if next(reader, None) != COLUMNS:
                raise InputError(f"{path} line 1: the columns must be {', '.join(COLUMNS)}")
            for cells in filter(None, reader):
                where = f"{path} line {reader.line_num}"
                rows.append(_check(cells, where))
                if (first := seen.setdefault(tuple(cells), reader.line_num)) != reader.line_num:
                    raise InputError(f"{where}: repeats line {first}: keep one of them")
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path} after line {reader.line_num}: not CSV in UTF-8 ({error}): correct it") from None
    return rows


def _check(cells: list[str], where: str) -> list[str | float]:
    if len(cells) != len(COLUMNS) or not all(cell.strip() for cell in cells):
        raise InputError(f"{where}: needs {len(COLUMNS)} cells, none of them empty: {','.join(cells)}")
    *names, value, source, verified = cells
    if verified not in VERIFIED:
        raise InputError(f"{where}: verified is {verified!r}: write one of {', '.join(VERIFIED)}")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not abs(number) < float("inf"):
        raise InputError(f"{where}: value {value!r} is not a finite number: write it with a decimal point, no unit")
    return [*names, number, source, verified]
