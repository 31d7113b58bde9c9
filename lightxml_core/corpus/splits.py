"""Splits of the documents of one file into training and test documents."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lightxml_core.corpus.lines import read_lines
from lightxml_core.definitions.corpus import Splits
from lightxml_core.errors import InputError


@dataclass(frozen=True)
class Split:
    """One of several splits, counted from 0."""

    splits: Splits
    number: int

    def rows(self, source: Path, documents: int) -> tuple[np.ndarray, np.ndarray]:
        """The sorted int64 numbers, from 0, of the training and of the test documents among `documents`.

        source: the file of the documents. The files of the splits are in the same folder. InputError if one is missing
        or does not have one column per split, if a row number is malformed, out of range or repeated in a split, if a
        split leaves a document out, or if the sizes do not add up to the number of documents.
        The same random split always has the same documents.
        """
        if self.splits.files:
            trn, tst = self._official(source, documents)
        else:
            trn, tst = self._random(source, documents)
        return np.sort(trn), np.sort(tst)

    def _random(self, source: Path, documents: int) -> tuple[np.ndarray, np.ndarray]:
        trn, tst = int(self.splits.trn), int(self.splits.tst)
        if trn + tst != documents:
            raise InputError(
                f"{source} has {documents} documents, but the splits ask for {trn} + {tst}: correct source.splits"
            )
        shuffled = np.random.default_rng(self.number).permutation(documents)
        return shuffled[:trn], shuffled[trn:]

    def _official(self, source: Path, documents: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of an official split. All splits are checked, because a file with one bad column cannot be trusted."""
        paths = [source.parent / name for name in self.splits.files]
        for path in paths:
            if not path.is_file():
                raise InputError(f"{path}, which source.splits names, is missing: put it beside {source.name}")
        tables = [_table(path, self.splits.count, documents) for path in paths]
        for column in range(self.splits.count):
            _check_column(tables, column, documents)
        trn, tst = (table.rows[:, self.number] - 1 for table in tables)
        return trn, tst


@dataclass(frozen=True, eq=False)
class _Table:
    """The row numbers of a file, int64 n x splits, and the line number of each row."""

    path: Path
    rows: np.ndarray
    lines: array[int]

    def column(self, column: int) -> Iterator[tuple[int, str]]:
        """Each row number of a column, and its place: file and line."""
        for line, row in zip(self.lines, self.rows[:, column].tolist(), strict=True):
            yield row, f"{self.path} line {line}"


def _table(path: Path, count: int, documents: int) -> _Table:
    flat, lines = array("q"), array("q")
    for number, line in enumerate(read_lines(path), 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != count:
            raise InputError(
                f"{path} line {number} has {len(fields)} columns, but source.splits.count is {count}: "
                "take a complete copy, or correct source.splits.count"
            )
        flat.extend([_row(field, documents, f"{path} line {number}") for field in fields])
        lines.append(number)
    if not lines:
        raise InputError(f"{path} has no row numbers: take a complete copy")
    return _Table(path, np.array(flat, np.int64).reshape(-1, count), lines)


def _row(field: str, documents: int, where: str) -> int:
    """A row number from 1 to `documents`, of at most 18 ASCII digits."""
    if not (field.isascii() and field.isdigit() and len(field) <= 18):
        raise InputError(f"{where}: {field[:40]!r} is not a row number: write digits only")
    if not 1 <= int(field) <= documents:
        raise InputError(f"{where}: row {field} is out of range: there are {documents} documents, counted from 1")
    return int(field)


def _check_column(tables: list[_Table], column: int, documents: int) -> None:
    """InputError unless every document appears exactly once in this column of the two files together."""
    first: dict[int, str] = {}
    for table in tables:
        for row, where in table.column(column):
            if row in first:
                raise InputError(
                    f"{where}: row {row} appears twice in column {column + 1}, first in {first[row]}: "
                    "a document belongs to one part of a split, once"
                )
            first[row] = where
    if missing := sorted(set(range(1, documents + 1)) - first.keys()):
        names = " and ".join(str(table.path) for table in tables)
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        what = f"column {column + 1} leaves out row {missing[0]}{others}"
        raise InputError(f"{names}: {what}: take complete copies of both")
