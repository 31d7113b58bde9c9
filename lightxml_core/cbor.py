"""Read CBOR files (RFC 8949), as far as omikuji's models use it: maps, texts and long arrays of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lightxml_core.compiled import compiled
from lightxml_core.files import open_file

_UNSIGNED, _TEXT, _ARRAY, _MAP, _FLOAT = 0, 3, 4, 5, 7


def read_cbor(source: Path) -> Any:
    """What a file holds: a map as a dictionary, an array of numbers as float64[n], any other array as a list.

    ValueError for a file that ends early, or holds what is none of these and no text or number.
    """
    with open_file(source) as opened:
        raw = np.frombuffer(opened.read(), np.uint8)
    try:
        found, end = _item(raw, 0)
    except IndexError:
        end = -1
    if end != len(raw):
        raise ValueError(f"{source.name} is not exactly one value: it is cut off, or has bytes after its end")
    return found


def _item(raw: np.ndarray, at: int) -> tuple[Any, int]:
    major = int(raw[at]) >> 5
    if major in (_UNSIGNED, _FLOAT):
        [number], at = _numbers(raw, at, 1)
        return number, at
    count, at = _count(raw, at)
    if major == _TEXT:
        return bytes(raw[at : at + count]).decode("utf-8"), at + count
    if major == _ARRAY and count and int(raw[at]) >> 5 in (_UNSIGNED, _FLOAT):
        return _numbers(raw, at, count)
    if major == _ARRAY:
        return _items(raw, at, count)
    if major == _MAP:
        found, at = _items(raw, at, 2 * count)
        return dict(zip(found[::2], found[1::2], strict=True)), at
    raise ValueError(f"an item of major type {major} is not expected")


def _items(raw: np.ndarray, at: int, count: int) -> tuple[list[Any], int]:
    found = []
    for _ in range(count):
        item, at = _item(raw, at)
        found.append(item)
    return found, at


def _count(raw: np.ndarray, at: int) -> tuple[int, int]:
    """The length in the head of an item, and where its content starts."""
    info = int(raw[at]) & 31
    if info < 24:
        return info, at + 1
    width = 1 << (info - 24)
    if width > 8:
        raise ValueError("an item without a length is not expected")
    return int.from_bytes(bytes(raw[at + 1 : at + 1 + width]), "big"), at + 1 + width


def _numbers(raw: np.ndarray, at: int, count: int) -> tuple[np.ndarray, int]:
    """float64[count] of unsigned integers and floats of any width, and where they end."""
    bits, widths = np.empty(min(count, len(raw)), np.uint64), np.empty(min(count, len(raw)), np.uint8)
    end = _read_numbers(raw, at, bits, widths) if count <= len(raw) else -1
    if end < 0:
        raise ValueError("an array ends early, or holds more than numbers")
    found = bits.astype(np.float64)
    for width in (2, 4, 8):
        own = widths == width
        if own.any():
            found[own] = bits[own].astype(f"u{width}").view(f"f{width}")
    return found, end


@compiled
def _read_numbers(raw: np.ndarray, at: int, bits: np.ndarray, widths: np.ndarray) -> int:
    """Fill in the bits of each number and the width of a float, 0 for an integer. The end, or -1 for other items."""
    for place in range(len(bits)):
        if at >= len(raw):
            return -1
        major, info = raw[at] >> 5, raw[at] & 31
        at += 1
        value = np.uint64(info)
        size = 0
        if info >= 24:
            size = 1 << (info - 24)
            if size > 8 or at + size > len(raw):
                return -1
            value = np.uint64(0)
            for byte in raw[at : at + size]:
                value = (value << np.uint64(8)) | np.uint64(byte)
            at += size
        if major == 7 and size >= 2:
            widths[place] = size
        elif major == 0:
            widths[place] = 0
        else:
            return -1
        bits[place] = value
    return at
