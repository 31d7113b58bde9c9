"""Sparse features in the text format of svmlight, one document a line: `label,label column:value column:value …`."""

from __future__ import annotations

import re
import tempfile
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.corpus.lines import read_lines
from lightxml_core.errors import InputError

_HEADER = re.compile(r"\d{1,18} \d{1,18} \d{1,18}\s*", re.ASCII)
_PAIRS = re.compile(r"(?:\d{1,9}:[-+.eE\d]+(?:\s+|$))*", re.ASCII)
_LARGEST = float(np.finfo(np.float32).max)
_BUFFER = 1 << 20  # numbers


def read_svmlight(*sources: Path, scratch: Path | None = None) -> tuple[list[csr_matrix], int]:
    """A float32 CSR matrix for each file, of equally many columns, and the number of the first column, 0 or 1.

    Labels are not read; values that a line tells of the same column are added up. A first line of three numbers tells
    documents, columns and labels, as in the Extreme Classification Repository. Columns count from 1 if no file uses
    column 0; with such a first line, only if the last column then has the number that it tells. scratch: where the
    values lie, in nameless files that go with the matrices; without one they lie in memory. InputError (file, line) for
    a malformed line, a value that float32 cannot hold, other numbers of documents or columns than the first line tells,
    and first lines that tell different ones.
    """
    rows = [_read(source, scratch) for source in sources]
    told = {own.told for own in rows}
    if len(told) > 1:
        raise InputError(
            f"{' and '.join(map(str, sources))} tell different numbers of columns: take both from one copy"
        )
    [width] = told
    used = [own.columns for own in rows if len(own.columns)]
    lowest, last = min((int(own.min()) for own in used), default=0), max((int(own.max()) for own in used), default=-1)
    first = int(lowest > 0 and width in (None, last))
    if width is not None and last - first >= width:
        raise InputError(f"{sources[0]} line 1 tells {width} columns, but column {last} is used: get a whole copy")
    return [own.matrix(first, last + 1 - first if width is None else width) for own in rows], first


@dataclass(frozen=True, eq=False)
class _Rows:
    """The documents of one file, N of them; columns as they are numbered there.

    ends: int64[N + 1], columns: int32, values: float32, as a CSR matrix has them. told: the number of columns that the
    first line tells, None without such a line.
    """

    ends: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    told: int | None

    def matrix(self, first: int, width: int) -> csr_matrix:
        """float32 CSR N × width; `first` is the number of the first column."""
        if first:
            np.subtract(self.columns, first, out=self.columns)
        X = csr_matrix((self.values, self.columns, self.ends), shape=(len(self.ends) - 1, width))
        X.sum_duplicates()
        return X


class _Numbers:
    """Numbers that are gathered in memory and, if there is a folder, moved from there to a nameless file in it."""

    def __init__(self, code: str, folder: Path | None) -> None:
        self.gathered: array[float] = array(code)
        self.moved = 0
        self.file = None if folder is None else tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def __len__(self) -> int:
        return self.moved + len(self.gathered)

    def extend(self, numbers: Iterable[float]) -> None:
        self.gathered.extend(numbers)
        if len(self.gathered) > _BUFFER:
            self._move()

    def all(self) -> np.ndarray:
        """All of them, in the type of the numbers."""
        self._move()
        if self.file is None or not self.moved:
            return np.frombuffer(self.gathered, self.gathered.typecode)
        with self.file:
            self.file.flush()
            return np.asarray(np.memmap(self.file, self.gathered.typecode, "r+"))

    def _move(self) -> None:
        if self.file is not None:
            self.gathered.tofile(self.file)
            self.moved += len(self.gathered)
            del self.gathered[:]


def _read(source: Path, scratch: Path | None) -> _Rows:
    ends, columns, values = array("q", [0]), _Numbers("i", scratch), _Numbers("f", scratch)
    header: tuple[int, int] | None = None
    for number, line in enumerate(read_lines(source), 1):
        if number == 1 and _HEADER.fullmatch(line):
            header = (int(line.split()[0]), int(line.split()[1]))
            continue
        try:
            _append(line, columns, values)
        except ValueError as error:
            raise InputError(f"{source} line {number}: {error}") from None
        ends.append(len(columns))
    if header is not None and header[0] != len(ends) - 1:
        raise InputError(f"{source} line 1 tells {header[0]} documents, but {len(ends) - 1} follow: get a whole copy")
    return _Rows(np.frombuffer(ends, np.int64), columns.all(), values.all(), None if header is None else header[1])


def _append(line: str, columns: _Numbers, values: _Numbers) -> None:
    """Add the pairs of one document; ValueError with the reason if the line is malformed."""
    head, _, rest = line.partition(" ")
    pairs = line if ":" in head else rest  # a document may have no label
    if not _PAIRS.fullmatch(pairs.lstrip()):
        raise ValueError(f"{line[:40]!r} … is not labels and column:value pairs with columns below 1,000,000,000")
    fields = pairs.replace(":", " ").split()
    found = list(map(float, fields[1::2]))
    if found and not max(max(found), -min(found)) <= _LARGEST:
        raise ValueError("a value is too large for 32 bits: get a whole copy")
    columns.extend(map(int, fields[::2]))
    values.extend(found)
