"""Files of word vectors: text files as published, and the folder that a download writes.

The folder has `vectors.npy`, float32 rows × width, and `rows.json`, word → row. Several words may share a row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lightxml_core.errors import InputError
from lightxml_core.files import load_array, open_file, read_json, save_array, write_json

_ROWS, _VECTORS = "rows.json", "vectors.npy"


def read_vectors(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """Word → float32[width] of the wanted words in a word2vec, FastText or GloVe text file, or in a downloaded folder.

    A line has a word and its numbers; a first line of two integers is a header. If a word has several lines the first
    counts, as in GloVe's own readers. InputError with the line's number if a wanted word is not followed by numbers, as
    many as on the first line.
    """
    found = _from_folder(path, wanted) if (path / _ROWS).is_file() else _from_text(path, wanted)
    if not found:
        raise InputError(f"{path} has no vectors for the words of the corpus: check its language and format")
    return found


def write_vectors(folder: Path, rows: Mapping[str, int], vectors: np.ndarray) -> None:
    """Write vectors into an existing folder. rows: word → row of `vectors`; ValueError if they do not fit together."""
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or not np.isfinite(vectors).all():
        raise ValueError("the vectors are not a table of finite numbers")
    if not rows or min(rows.values()) < 0 or max(rows.values()) >= len(vectors):
        raise ValueError(f"there are no words, or the rows of the words are not among the {len(vectors)} vectors")
    save_array(folder / _VECTORS, np.ascontiguousarray(vectors, "<f4"))
    write_json(folder / _ROWS, rows)


def convert_text(text: Path, folder: Path, name: str) -> None:
    """Convert a text file as described in `read_vectors` into an existing folder, one line in memory at a time.

    name: the file's name for messages. InputError for any line that is not a word and its numbers.
    """
    rows: dict[str, int] = {}
    width = 0
    for line in _lines(text):
        rows.setdefault(line.word, len(rows))
        width = width or len(line.numbers)
    if not width:
        raise InputError(f"{name} has no word vectors: check its format")
    with (folder / _VECTORS).open("wb") as out:
        np.lib.format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": (len(rows), width)})
        written = 0
        for line in _lines(text):
            if rows[line.word] == written:  # its first line
                out.write(_numbers(line, width, name).astype("<f4").tobytes())
                written += 1
    write_json(folder / _ROWS, rows)


def _from_folder(folder: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    rows, vectors = read_json(folder / _ROWS), load_array(folder / _VECTORS, mmap=True)
    return {word: np.array(vectors[rows[word]]) for word in wanted if word in rows}


def _from_text(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    width = 0
    for line in _lines(path):
        width = width or len(line.numbers)
        if line.word in wanted and line.word not in found:
            found[line.word] = _numbers(line, width, str(path))
    return found


class _Line(NamedTuple):
    place: int
    word: str
    numbers: list[str]


def _lines(path: Path) -> Iterator[_Line]:
    width = 0
    with TextIOWrapper(open_file(path), encoding="utf-8", errors="replace", newline="\n") as opened:
        for place, line in enumerate(opened, 1):
            word, *numbers = line.rstrip().split(" ")
            if place == 1 and len(numbers) == 1 and word.isdigit() and numbers[0].isdigit():
                continue
            width = width or len(numbers)
            if len(numbers) > width > 0:  # GloVe has words with spaces in them
                word, numbers = " ".join([word, *numbers[:-width]]), numbers[-width:]
            yield _Line(place, word, numbers)


def _numbers(line: _Line, width: int, name: str) -> np.ndarray:
    try:
        vector = np.array(line.numbers, dtype=np.float32)
    except ValueError:
        vector = np.empty(0, np.float32)
    if len(vector) != width or not np.isfinite(vector).all():
        raise InputError(f"{name} line {line.place}: expected a word and {width} numbers: repair the line")
    return vector
