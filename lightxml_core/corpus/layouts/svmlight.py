"""Sparse features in the text format of svmlight, one document per line: `label,label column:value column:value …`."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.arrays import GrowingArray, growing_array
from lightxml_core.corpus.lines import read_lines
from lightxml_core.errors import InputError

_HEADER = re.compile(r"\d{1,18} \d{1,18} \d{1,18}\s*", re.ASCII)
_PAIRS = re.compile(r"(?:\d{1,9}:[-+.eE\d]+(?:\s+|$))*", re.ASCII)
_LARGEST = float(np.finfo(np.float32).max)


def read_svmlight(*sources: Path, scratch: Path | None = None) -> tuple[list[csr_matrix], int]:
    """A float32 CSR matrix per file, all with the same number of columns, and the number of the first column, 0 or 1.

    Labels are not read. If a line repeats a column, its values are added. A header of three numbers states documents,
    columns and labels, as in the Extreme Classification Repository. Columns count from 1 if no file uses column 0;
    with a header, only if the number of the last used column is also the stated number of columns.
    scratch: a folder for unnamed temporary files that hold the values; None to keep them in memory.
    InputError (file, line) for a malformed line, a value that float32 cannot hold, numbers of documents or columns that
    differ from the header, and headers that differ in columns.
    """
    rows = [_read(source, scratch) for source in sources]
    stated = {own.stated for own in rows}
    if len(stated) > 1:
        raise InputError(
            f"{' and '.join(map(str, sources))} state different numbers of columns: take both from one copy"
        )
    [width] = stated
    used = [own.columns for own in rows if len(own.columns)]
    lowest, last = min((int(own.min()) for own in used), default=0), max((int(own.max()) for own in used), default=-1)
    first = int(lowest > 0 and width in (None, last))
    if width is not None and last - first >= width:
        raise InputError(f"{sources[0]} line 1 states {width} columns, but column {last} is used: get a complete copy")
    return [own.matrix(first, last + 1 - first if width is None else width) for own in rows], first


@dataclass(frozen=True, eq=False)
class _Rows:
    """The N documents of one file, with the file's own numbers of columns.

    ends: int64[N + 1], columns: int32, values: float32, as in a CSR matrix. stated: the number of columns in the
    header, None without a header.
    """

    ends: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    stated: int | None

    def matrix(self, first: int, width: int) -> csr_matrix:
        """float32 CSR N × width; `first` is the number of the first column."""
        if first:
            np.subtract(self.columns, first, out=self.columns)
        X = csr_matrix((self.values, self.columns, self.ends), shape=(len(self.ends) - 1, width))
        X.sum_duplicates()
        return X


def _read(source: Path, scratch: Path | None) -> _Rows:
    with growing_array("i", scratch) as columns, growing_array("f", scratch) as values:
        ends, header = _append_all(source, columns, values)
        if header is not None and header[0] != len(ends) - 1:
            raise InputError(
                f"{source} line 1 states {header[0]} documents, but {len(ends) - 1} follow: get a complete copy"
            )
        return _Rows(ends, columns.whole(), values.whole(), None if header is None else header[1])


def _append_all(source: Path, columns: GrowingArray, values: GrowingArray) -> tuple[np.ndarray, tuple[int, int] | None]:
    """int64[N + 1]: where each document ends; the header's numbers of documents and columns, None without a header."""
    ends = array("q", [0])
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
    return np.frombuffer(ends, np.int64), header


def _append(line: str, columns: GrowingArray, values: GrowingArray) -> None:
    """Add the pairs of one document; ValueError with the reason if the line is malformed."""
    head, _, rest = line.partition(" ")
    pairs = line if ":" in head else rest  # a document may have no label
    if not _PAIRS.fullmatch(pairs.lstrip()):
        raise ValueError(f"{line[:40]!r} … is not labels and column:value pairs with columns below 1,000,000,000")
    fields = pairs.replace(":", " ").split()
    found = list(map(float, fields[1::2]))
    if found and not max(max(found), -min(found)) <= _LARGEST:
        raise ValueError("a value is too large for 32 bits: get a complete copy")
    columns.extend(map(int, fields[::2]))
    values.extend(found)
