"""2-means of the rows of a sparse matrix where they lie: no copies, and a row that keeps its side adds no cost."""

from __future__ import annotations

import numpy as np

from lightxml_core.compiled import compiled


@compiled
def halve(
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    rows: np.ndarray,
    direction: np.ndarray,
    sums: np.ndarray,
    tolerance: float,
    max_iterations: int,
) -> np.ndarray:
    """bool[rows]: the half of each row, True for the first, which gets the odd one.

    indptr, indices, data: CSR with D columns. rows: int64, ascending. direction: float32[D], the first centre less the
    second, replaced by that of the last halves. sums: float32[2, D] of zeros to work in, zeros again afterwards.
    """
    size = len(rows)
    whole, first = sums
    columns = _add_rows(indptr, indices, data, rows, whole)
    left = _best_half(_preferences(indptr, indices, data, rows, direction))
    for place in range(size):
        if left[place]:
            _add_row(indptr, indices, data, rows[place], 1.0, first)
    before = -np.inf
    for _ in range(max_iterations):
        lengths = _lengths(whole, first, columns)
        similarity = (lengths[0] + lengths[1]) / size  # of the rows to the centres of the halves they are in
        if similarity - before < tolerance:
            break
        before = similarity
        _set_direction(whole, first, columns, lengths, direction)
        now = _best_half(_preferences(indptr, indices, data, rows, direction))
        for place in range(size):
            if now[place] != left[place]:
                _add_row(indptr, indices, data, rows[place], 1.0 if now[place] else -1.0, first)
        left = now
    for column in columns:
        whole[column] = first[column] = 0.0
    return left


@compiled
def length_of_sum(
    indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, rows: np.ndarray, total: np.ndarray
) -> float:
    """Length of the sum of some rows. total: float64[D] of zeros to work in, zeros again afterwards."""
    squares = 0.0
    for column in _add_rows(indptr, indices, data, rows, total):
        squares += total[column] ** 2
        total[column] = 0.0
    return np.sqrt(squares)


@compiled
def _add_rows(
    indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, rows: np.ndarray, total: np.ndarray
) -> np.ndarray:
    """Add rows to `total`, of zeros; int32: the columns that they use."""
    columns, used, seen = np.empty(len(total), np.int32), 0, np.zeros(len(total), np.bool_)
    for row in rows:
        for stored in range(indptr[row], indptr[row + 1]):
            column = indices[stored]
            if not seen[column]:
                seen[column] = True
                columns[used] = column
                used += 1
            total[column] += data[stored]
    return columns[:used]


@compiled
def _add_row(
    indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, row: int, sign: float, total: np.ndarray
) -> None:
    for stored in range(indptr[row], indptr[row + 1]):
        total[indices[stored]] += sign * data[stored]


@compiled
def _preferences(
    indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, rows: np.ndarray, direction: np.ndarray
) -> np.ndarray:
    """float32[rows]: each row times the direction."""
    found = np.empty(len(rows), np.float32)
    for place, row in enumerate(rows):
        start, stop = indptr[row], indptr[row + 1]
        one = two = three = four = np.float32(0.0)  # four sums at once: one alone waits for itself
        for stored in range(start, stop - 3, 4):
            one += data[stored] * direction[indices[stored]]
            two += data[stored + 1] * direction[indices[stored + 1]]
            three += data[stored + 2] * direction[indices[stored + 2]]
            four += data[stored + 3] * direction[indices[stored + 3]]
        for stored in range(stop - (stop - start) % 4, stop):
            one += data[stored] * direction[indices[stored]]
        found[place] = (one + two) + (three + four)
    return found


@compiled
def _best_half(preference: np.ndarray) -> np.ndarray:
    """bool: the half with the highest preference, of those that tie at its edge the first ones."""
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
def _lengths(whole: np.ndarray, first: np.ndarray, columns: np.ndarray) -> tuple[float, float]:
    """Lengths of the sums of both halves."""
    one, two = 0.0, 0.0
    for column in columns:
        one += first[column] ** 2
        two += (whole[column] - first[column]) ** 2
    return np.sqrt(one), np.sqrt(two)


@compiled
def _set_direction(
    whole: np.ndarray, first: np.ndarray, columns: np.ndarray, lengths: tuple[float, float], direction: np.ndarray
) -> None:
    one, two = 1.0 / max(lengths[0], 1e-30), 1.0 / max(lengths[1], 1e-30)
    for column in columns:
        direction[column] = first[column] * one - (whole[column] - first[column]) * two
