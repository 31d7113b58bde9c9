"""Sparse features in the text format of svmlight, one document a line: `label,label column:value column:value …`."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.corpus.lines import read_lines
from lightxml_core.errors import InputError

_HEADER = re.compile(r"\d{1,18} \d{1,18} \d{1,18}\s*", re.ASCII)
_PAIRS = re.compile(r"(?:\d{1,9}:[-+.eE\d]+(?:\s+|$))*", re.ASCII)


@dataclass(frozen=True, eq=False)
class Rows:
    """The documents of one file, N of them. Columns count from 0 or from 1: one file alone may not show which.

    ends: int64[N + 1], columns: int32, values: float32, as a CSR matrix has them. told: the number of columns that the
    first line tells, None without such a line.
    """

    source: Path
    ends: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    told: int | None

    def matrix(self, first: int, width: int) -> csr_matrix:
        """float32 CSR N × width; `first` is the number of the first column. Values of the same column are added up."""
        X = csr_matrix((self.values, self.columns - np.int32(first), self.ends), shape=(len(self.ends) - 1, width))
        X.sum_duplicates()
        return X


def read_svmlight(*sources: Path) -> tuple[list[csr_matrix], int]:
    """A float32 CSR matrix for each file, of equally many columns, and the number of the first column, 0 or 1.

    Labels are not read. A first line of three numbers tells documents, columns and labels, as in the Extreme
    Classification Repository. Columns count from 1 if no file uses column 0; with such a first line, only if the last
    column then has the number that it tells. InputError (file, line) for a malformed line, a value that float32 cannot
    hold, other numbers of documents or columns than the first line tells, and first lines that tell different ones.
    """
    rows = [_read(source) for source in sources]
    told = {own.told for own in rows}
    if len(told) > 1:
        raise InputError(
            f"{' and '.join(map(str, sources))} tell different numbers of columns: take both from one copy"
        )
    [width] = told
    used = [own.columns for own in rows if len(own.columns)]
    lowest, beyond = (
        min((int(own.min()) for own in used), default=0),
        1 + max((int(own.max()) for own in used), default=-1),
    )
    first = int(lowest > 0 and width in (None, beyond - 1))
    if width is not None and beyond - first > width:
        raise InputError(
            f"{sources[0]} line 1 tells {width} columns, but column {beyond - 1} is used: get a whole copy"
        )
    return [own.matrix(first, beyond - first if width is None else width) for own in rows], first


def _read(source: Path) -> Rows:
    ends, columns, values = array("q", [0]), array("i"), array("f")
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
    numbers = np.frombuffer(values, np.float32)
    _refuse_infinite(source, np.frombuffer(ends, np.int64), numbers, 1 + (header is not None))
    told = None if header is None else header[1]
    return Rows(source, np.frombuffer(ends, np.int64), np.frombuffer(columns, np.int32), numbers, told)


def _append(line: str, columns: array[int], values: array[float]) -> None:
    """Add the pairs of one document; ValueError with the reason if the line is malformed."""
    head, _, rest = line.partition(" ")
    pairs = line if ":" in head else rest  # a document may have no label
    if not _PAIRS.fullmatch(pairs.lstrip()):
        raise ValueError(f"{line[:40]!r} … is not labels and column:value pairs with columns below 1,000,000,000")
    fields = pairs.replace(":", " ").split()
    columns.extend(map(int, fields[::2]))
    values.extend(map(float, fields[1::2]))


def _refuse_infinite(source: Path, ends: np.ndarray, values: np.ndarray, first_line: int) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        line = int(np.searchsorted(ends, bad[0], side="right")) - 1 + first_line
        raise InputError(f"{source} line {line}: a value is too large for 32 bits: get a whole copy")
