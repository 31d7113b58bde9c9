"""The ways in which the documents of one file are parted into training and test documents."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lightxml_core.corpus.lines import read_lines
from lightxml_core.errors import InputError


@dataclass(frozen=True)
class Splits:
    """`count` splits of the same documents.

    trn, tst: the files of the official splits, which hold one row number per line and split, counted from 1; or the
    numbers of documents of random ones.
    """

    count: int
    trn: str | int
    tst: str | int

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that are read; none for random splits."""
        return tuple(name for name in (self.trn, self.tst) if isinstance(name, str))


@dataclass(frozen=True)
class Split:
    """One of several splits, counted from 0."""

    splits: Splits
    number: int

    @staticmethod
    def of(splits: Mapping[str, Any], number: int) -> Split:
        """The split of this number, `splits` as in a dataset's file."""
        return Split(Splits(**splits), number)

    def rows(self, source: Path, documents: int) -> tuple[np.ndarray, np.ndarray]:
        """The sorted int64 numbers, from 0, of the training and of the test documents among `documents`.

        source: the file of the documents; those of the splits lie beside it. InputError for a file that is missing or
        has another number of columns than there are splits, for a row number that is none, is out of range or stands
        twice in a split, for a document that a split leaves out, and for sizes that are not those of the documents.
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
                f"{source} holds {documents} documents and the splits ask for {trn} + {tst}: correct source.splits"
            )
        shuffled = np.random.default_rng(self.number).permutation(documents)
        return shuffled[:trn], shuffled[trn:]

    def _official(self, source: Path, documents: int) -> tuple[np.ndarray, np.ndarray]:
        """All splits are checked, whichever is asked for: a file with one bad column is not to be trusted."""
        paths = [source.parent / name for name in self.splits.files]
        for path in paths:
            if not path.is_file():
                raise InputError(f"{path} is missing, which source.splits names: put it beside {source.name}")
        tables = [_table(path, self.splits.count, documents) for path in paths]
        for column in range(self.splits.count):
            _check_column(tables, column, documents)
        trn, tst = (table.rows[:, self.number] - 1 for table in tables)
        return trn, tst


@dataclass(frozen=True, eq=False)
class _Table:
    """The row numbers of a file, int64 n x splits, and the line of each row of the table."""

    path: Path
    rows: np.ndarray
    lines: array[int]

    def column(self, column: int) -> Iterator[tuple[int, str]]:
        """Each row number of a column, and where it stands."""
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
                f"{path} line {number} has {len(fields)} columns, and source.splits tells {count} splits: "
                "take a whole copy, or correct source.splits.count"
            )
        flat.extend([_row(field, documents, f"{path} line {number}") for field in fields])
        lines.append(number)
    if not lines:
        raise InputError(f"{path} holds no row number: take a whole copy")
    return _Table(path, np.array(flat, np.int64).reshape(-1, count), lines)


def _row(field: str, documents: int, where: str) -> int:
    """A row number from 1 to `documents`; at most 18 of the digits 0 to 9."""
    if not (field.isascii() and field.isdigit() and len(field) <= 18):
        raise InputError(f"{where}: {field[:40]!r} is no row number: write digits alone")
    if not 1 <= int(field) <= documents:
        raise InputError(f"{where}: row {field} is out of range: there are {documents} documents, counted from 1")
    return int(field)


def _check_column(tables: list[_Table], column: int, documents: int) -> None:
    """InputError unless every document stands exactly once in this column of both files together."""
    first: dict[int, str] = {}
    for table in tables:
        for row, where in table.column(column):
            if row in first:
                raise InputError(
                    f"{where}: row {row} stands twice in column {column + 1}, the first time in {first[row]}: "
                    "a document belongs to one part of a split, once"
                )
            first[row] = where
    if missing := sorted(set(range(1, documents + 1)) - first.keys()):
        names = " and ".join(str(table.path) for table in tables)
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise InputError(f"{names}: column {column + 1} leaves out row {missing[0]}{others}: take whole copies of both")
