"""Sums of sparse rows, written directly into arrays of the final size."""

from __future__ import annotations

import numpy as np

from lightxml_core.compiled import compiled


@compiled
def columns_of_sums(
    members: np.ndarray, of: np.ndarray, indptr: np.ndarray, indices: np.ndarray, width: int
) -> np.ndarray:
    """int64[S]: the number of columns that the sum of each set of rows uses.

    Set s has the rows of[members[s]:members[s + 1]] of the CSR matrix (indptr, indices) with `width` columns.
    """
    sets = len(members) - 1
    seen, counts = np.full(width, -1, np.int64), np.zeros(sets, np.int64)
    for s in range(sets):
        for row in of[members[s] : members[s + 1]]:
            for stored in range(indptr[row], indptr[row + 1]):
                if seen[indices[stored]] != s:
                    seen[indices[stored]] = s
                    counts[s] += 1
    return counts


@compiled
def unit_sums(
    members: np.ndarray,
    of: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    scale: np.ndarray,
    starts: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    width: int,
) -> None:
    """Sum each set's rows times `scale`, normalise to length 1, and write columns and values from starts[s] on.

    scale: float32 per row. starts: int64[S + 1], the cumulative `columns_of_sums`. columns: int32, values: float32, to
    be filled.
    """
    place = np.full(width, -1, np.int64)
    for s in range(len(members) - 1):
        start, used = starts[s], starts[s]
        for row in of[members[s] : members[s + 1]]:
            for stored in range(indptr[row], indptr[row + 1]):
                column = indices[stored]
                value = data[stored] * scale[row]
                if place[column] < start:
                    place[column] = used
                    columns[used] = column
                    values[used] = value
                    used += 1
                else:
                    values[place[column]] += value
        squares = 0.0
        for at in range(start, used):
            squares += values[at] ** 2
        for at in range(start, used):
            values[at] /= np.sqrt(squares) if squares > 0.0 else 1.0
