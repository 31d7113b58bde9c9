"""Read one column of strings of a Parquet file without a library: plain or dictionary pages, raw or Snappy.

Formats: github.com/apache/parquet-format (README, Encodings), Thrift's compact protocol, google/snappy's
format_description. pyarrow is not used, because pandas imports it wherever it is installed and then stores strings
differently, in every program.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

_MAGIC = b"PAR1"
_BYTES, _OPTIONAL, _REPEATED = 6, 1, 2  # a column's type, its repetition
_BARE, _SNAPPY = 0, 1
_PLAIN, _OLD_DICTIONARY, _DICTIONARY = 0, 2, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2


def read_strings(content: bytes) -> list[str]:
    """The strings of a file that has one column, none of them missing.

    ValueError for anything else, or a damaged file.
    """
    try:
        return _strings(content)
    except (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError) as error:
        raise ValueError(f"its structure is damaged: {error}") from error


def _strings(content: bytes) -> list[str]:
    if not (content.startswith(_MAGIC) and content.endswith(_MAGIC)):
        raise ValueError("it is not a Parquet file")
    length = int.from_bytes(content[-8:-4], "little")
    footer = _Reader(content[-8 - length : -8], 0).struct()
    column = [element for element in footer[2] if 1 in element]
    if len(column) != 1 or column[0][1] != _BYTES or column[0].get(3) == _REPEATED:
        raise ValueError("it is not of one column of strings")
    optional = column[0].get(3) == _OPTIONAL
    found = [string for group in footer[4] for string in _chunk(content, group[1][0][3], optional)]
    if len(found) != footer[3]:
        raise ValueError(f"it has {len(found)} strings, not {footer[3]}")
    return [string.decode("utf-8") for string in found]


def _chunk(content: bytes, about: dict[int, Any], optional: bool) -> Iterator[bytes]:
    """The strings of one row group, page by page."""
    reader, left, dictionary = _Reader(content, about.get(11, about[9])), about[5], list[bytes]()
    while left > 0:
        header = reader.struct()
        if header[1] not in (_DATA_PAGE, _DICTIONARY_PAGE):
            raise ValueError(f"it has pages of the unknown kind {header[1]}")
        page = _unpacked(reader.take(header[3]), about[4], header[2])
        if header[1] == _DICTIONARY_PAGE:
            dictionary = _plain(page, header[7][1])
        else:
            left -= header[5][1]
            if left < 0:
                raise ValueError("a page has more strings than its column")
            yield from _data(page, header[5], optional, dictionary)


def _unpacked(packed: bytes, codec: int, length: int) -> bytes:
    if codec not in (_BARE, _SNAPPY):
        raise ValueError(f"it is packed by the unknown codec {codec}")
    page = packed if codec == _BARE else unpack_snappy(packed)
    if len(page) != length:
        raise ValueError(f"a page has {len(page)} bytes, not {length}")
    return page


def _data(page: bytes, about: dict[int, Any], optional: bool, dictionary: list[bytes]) -> list[bytes]:
    count, encoding = about[1], about[2]
    if optional:  # the page begins with levels: 1 for a string, 0 for a missing one
        length = int.from_bytes(page[:4], "little")
        if not _hybrid(page[4 : 4 + length], 1, count).all():
            raise ValueError("strings are missing")
        page = page[4 + length :]
    if encoding == _PLAIN:
        return _plain(page, count)
    if encoding not in (_OLD_DICTIONARY, _DICTIONARY):
        raise ValueError(f"it has the unknown encoding {encoding}")
    return [dictionary[i] for i in _hybrid(page[1:], page[0], count).tolist()]


def _plain(page: bytes, count: int) -> list[bytes]:
    found, reader = list[bytes](), _Reader(page, 0)
    for _ in range(count):
        found.append(reader.take(reader.number(4)))
    return found


def _hybrid(packed: bytes, width: int, count: int) -> np.ndarray:
    """int64[count] decoded from values of `width` bits, in runs of one value or groups of eight."""
    if width == 0:
        return np.zeros(count, np.int64)
    if width > 32:
        raise ValueError(f"it has indices of {width} bits")
    found, left, reader = [np.empty(0, np.int64)], count, _Reader(packed, 0)
    while left > 0:
        header = reader.varint()
        size = (header >> 1) * width if header & 1 else (width + 7) // 8
        piece = reader.take(size)
        if header & 1:
            bits = np.unpackbits(np.frombuffer(piece, np.uint8), bitorder="little")
            values = bits.reshape((header >> 1) * 8, width) @ (1 << np.arange(width))
        else:
            values = np.full(min(header >> 1, left), int.from_bytes(piece, "little"))
        if not len(values):
            raise ValueError("a run is empty")
        found.append(values[:left])
        left -= len(values)
    return np.concatenate(found)


def unpack_snappy(packed: bytes) -> bytes:
    """The contents of a block in Snappy's raw format; ValueError or IndexError if it is damaged."""
    reader, out = _Reader(packed, 0), bytearray()
    length = reader.varint()
    while reader.place < len(packed):
        tag = reader.byte()
        if tag & 3 == 0:
            size = tag >> 2
            out += reader.take((size if size < 60 else reader.number(size - 59)) + 1)
            continue
        size = 4 + (tag >> 2 & 7) if tag & 3 == 1 else (tag >> 2) + 1
        back = (tag >> 5 << 8) + reader.byte() if tag & 3 == 1 else reader.number(2 if tag & 3 == 2 else 4)
        if not 0 < back <= len(out) <= length:
            raise ValueError("a copy begins before the start")
        repeated = out[-back:][:size]
        out += (repeated * (size // len(repeated) + 1))[:size]  # a copy may overlap its own output
    if len(out) != length:
        raise ValueError(f"{len(out)} bytes came out of a block of {length}")
    return bytes(out)


class _Reader:
    """Reads numbers and structs of Thrift's compact protocol from a position; IndexError past the end."""

    def __init__(self, content: bytes, place: int) -> None:
        self.content, self.place = content, place

    def byte(self) -> int:
        self.place += 1
        return self.content[self.place - 1]

    def take(self, size: int) -> bytes:
        if not 0 <= size <= len(self.content) - self.place:
            raise IndexError("it ends early")
        self.place += size
        return self.content[self.place - size : self.place]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def zigzag(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def struct(self) -> dict[int, Any]:
        """Field number → value."""
        found: dict[int, Any] = {}
        field = 0
        while head := self.byte():
            field = field + (head >> 4) if head >> 4 else self.zigzag()
            found[field] = head & 15 == 1 if head & 15 in (1, 2) else self._value(head & 15)
        return found

    def _value(self, kind: int) -> Any:
        if kind in (1, 2, 3):  # in a list, a boolean is a byte as well
            return self.byte()
        if kind in (4, 5, 6):
            return self.zigzag()
        if kind == 7:
            return self.take(8)
        if kind == 8:
            return self.take(self.varint())
        if kind in (9, 10):
            head = self.byte()
            size = head >> 4 if head >> 4 < 15 else self.varint()
            return [self._value(head & 15) for _ in range(size)]
        if kind == 12:
            return self.struct()
        raise ValueError(f"it has a value of the unknown kind {kind}")
