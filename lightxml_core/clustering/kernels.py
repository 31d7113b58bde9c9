"""2-means of rows of a sparse matrix, in place; sums are only updated by the rows that change sides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightxml_core.compiled import compiled


class Rows(NamedTuple):
    """A CSR matrix: float32 data, unsigned indices (for signed ones numba also checks whether they are negative)."""

    indptr: np.ndarray
    indices: np.ndarray
    data: np.ndarray


@compiled
def cut_out(matrix: Rows, rows: np.ndarray, number: np.ndarray) -> tuple[Rows, int]:
    """Some rows as a new matrix that has only the columns they use, and the number of these columns.

    rows: int64. number: scratch space, int32[columns of `matrix`]; all -1 before and after.
    """
    indptr = np.zeros(len(rows) + 1, np.int64)
    for place, row in enumerate(rows):
        indptr[place + 1] = indptr[place] + matrix.indptr[row + 1] - matrix.indptr[row]
    indices, data = np.empty(indptr[-1], np.uint32), np.empty(indptr[-1], np.float32)
    used = 0
    for place, row in enumerate(rows):
        start, stop = matrix.indptr[row], matrix.indptr[row + 1]
        data[indptr[place] : indptr[place + 1]] = matrix.data[start:stop]
        own = indices[indptr[place] : indptr[place + 1]]
        for at, column in enumerate(matrix.indices[start:stop]):
            if number[column] < 0:
                number[column] = used
                used += 1
            own[at] = number[column]
    for row in rows:
        for column in matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]:
            number[column] = -1
    return Rows(indptr, indices, data), used


@compiled
def set_difference(matrix: Rows, first: int, second: int, direction: np.ndarray) -> None:
    """Set float32[D] `direction` to the row `first` minus the row `second`."""
    direction[:] = 0.0
    _add_row(matrix, first, np.float32(1.0), direction)
    _add_row(matrix, second, np.float32(-1.0), direction)


@compiled
def halve(
    matrix: Rows, rows: np.ndarray, direction: np.ndarray, sums: np.ndarray, tolerance: float, max_iterations: int
) -> np.ndarray:
    """bool[rows]: the half of each row, True for the first half, which is the larger one if their number is odd.

    matrix: with D columns. rows: int64, ascending. direction: float32[D], the first centre minus the second, replaced
    by that of the final halves. sums: scratch space, float32[2, D].
    """
    size = len(rows)
    first, second = sums
    sums[:] = 0.0
    left = _best_half(_preferences(matrix, rows, direction))
    for place in range(size):
        _add_row(matrix, rows[place], np.float32(1.0), first if left[place] else second)
    before = -np.inf
    for _ in range(max_iterations):
        one, two = np.sqrt(_square(first)), np.sqrt(_square(second))
        similarity = (one + two) / size  # mean, of the rows to the centres of their halves
        if similarity - before < tolerance:
            break
        before = similarity
        _set_direction(first, second, 1.0 / max(one, 1e-30), 1.0 / max(two, 1e-30), direction)
        now = _best_half(_preferences(matrix, rows, direction))
        for place in range(size):
            if now[place] != left[place]:
                _add_row(matrix, rows[place], np.float32(1.0), first if now[place] else second)
                _add_row(matrix, rows[place], np.float32(-1.0), second if now[place] else first)
        left = now
    return left


@compiled
def length_of_sum(
    indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, rows: np.ndarray, total: np.ndarray
) -> float:
    """Length of the sum of some rows. total: scratch space, float64[D]; zeros before and after."""
    squares = 0.0
    for row in rows:
        for stored in range(indptr[row], indptr[row + 1]):
            total[indices[stored]] += data[stored]
    for row in rows:
        for column in indices[indptr[row] : indptr[row + 1]]:
            squares += total[column] ** 2
            total[column] = 0.0
    return np.sqrt(squares)


@compiled
def _add_row(matrix: Rows, row: int, sign: float, total: np.ndarray) -> None:
    start, stop = matrix.indptr[row], matrix.indptr[row + 1]
    columns, values = matrix.indices[start:stop], matrix.data[start:stop]
    for at in range(len(columns)):
        total[columns[at]] += sign * values[at]


@compiled
def _preferences(matrix: Rows, rows: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """float32[rows]: the dot product of each row and the direction. Slices let the compiler vectorise it."""
    found = np.empty(len(rows), np.float32)
    for place in range(len(rows)):
        start, stop = matrix.indptr[rows[place]], matrix.indptr[rows[place] + 1]
        columns, values = matrix.indices[start:stop], matrix.data[start:stop]
        product = np.float32(0.0)
        for at in range(len(columns)):
            product += values[at] * direction[columns[at]]
        found[place] = product
    return found


@compiled
def _best_half(preference: np.ndarray) -> np.ndarray:
    """bool: the half with the highest preferences; among ties at its edge the first ones."""
    size = len(preference)
    wanted = (size + 1) // 2
    edge = np.partition(preference, size - wanted)[size - wanted]
    left, taken = np.empty(size, np.bool_), 0
    for place in range(size):
        left[place] = preference[place] > edge
        taken += left[place]
    for place in range(size):
        if taken < wanted and preference[place] == edge:
            left[place] = True
            taken += 1
    return left


@compiled
def _square(sums: np.ndarray) -> float:
    """Squared length of a vector."""
    squares = 0.0
    for column in range(len(sums)):
        squares += sums[column] * sums[column]
    return squares


@compiled
def _set_direction(first: np.ndarray, second: np.ndarray, one: float, two: float, direction: np.ndarray) -> None:
    """Set `direction` to `one` times the first sum minus `two` times the second."""
    by_first, by_second = np.float32(one), np.float32(two)
    for column in range(len(direction)):
        direction[column] = first[column] * by_first - second[column] * by_second
