"""Arrays in memory or, if they may be too large for it, in unnamed temporary files."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

_GATHERED = 1 << 20  # numbers that a growing array holds in memory before it moves them to its file


def new_array(length: int, dtype: Any, folder: Path | None) -> np.ndarray:
    """An uninitialised array, in memory or in an unnamed file in `folder`, which disappears with the array or process.

    OSError if the disk has no room for it.
    """
    if folder is None or length == 0:
        return np.empty(length, dtype)
    with tempfile.TemporaryFile(dir=folder) as opened:
        # reserve the space now: a write through a memory map to a full disk kills the process silently
        os.posix_fallocate(opened.fileno(), 0, length * np.dtype(dtype).itemsize)
        return np.asarray(np.memmap(opened, dtype, "r+", shape=(length,)))


class GrowingArray:
    """An array that numbers can be appended to; created by `growing_array`."""

    def __init__(self, typecode: str, file: IO[bytes] | None) -> None:
        self._gathered: array[Any] = array(typecode)
        self._moved, self._file = 0, file

    def __len__(self) -> int:
        return self._moved + len(self._gathered)

    def extend(self, numbers: Iterable[float]) -> None:
        """Append numbers."""
        self._gathered.extend(numbers)
        if len(self._gathered) > _GATHERED:
            self._move()

    def whole(self) -> np.ndarray:
        """All numbers as one array; nothing can be appended afterwards."""
        if self._file is None:
            return np.frombuffer(self._gathered, self._gathered.typecode)
        self._move()
        self._file.flush()
        typecode = self._gathered.typecode
        return np.asarray(np.memmap(self._file, typecode, "r+")) if self._moved else np.empty(0, typecode)

    def _move(self) -> None:
        if self._file is not None:
            self._gathered.tofile(self._file)
            self._moved += len(self._gathered)
            del self._gathered[:]


@contextmanager
def growing_array(typecode: str, folder: Path | None) -> Iterator[GrowingArray]:
    """An array to append to, in memory or in an unnamed file in `folder`, which disappears with its array.

    typecode: as in Python's `array`. Nothing can be appended after the block; the result of `whole` stays valid.
    """
    if folder is None:
        yield GrowingArray(typecode, None)
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        yield GrowingArray(typecode, file)
