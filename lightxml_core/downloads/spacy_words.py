"""The words of spaCy's vectors: `key2row` maps the hash of each word to its row, `strings.json` has the words."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

_MULTIPLIER = 0xC6A4A7935BD1E995
_SEED = 1  # spaCy's
# spaCy 3 numbers its names of attributes and relations instead of hashing them (its symbols.pxd). Those that are words
# too are listed here, in runs of consecutive numbers.
_RUNS = {
    64: "ID",
    380: "PERSON",
    386: "PRODUCT EVENT",
    389: "LANGUAGE",
    391: "DATE TIME PERCENT MONEY QUANTITY",
    401: "agent",
    404: "attr aux",
    407: "cc",
    410: "conj cop",
    414: "dep det",
    423: "mark meta neg",
    427: "nn",
    431: "num number",
    434: "obj",
    436: "parataxis",
    440: "poss possessive",
    443: "prep",
    445: "punct",
    449: "root",
}
_NUMBERED = {name: number for first, names in _RUNS.items() for number, name in enumerate(names.split(), first)}


def read_rows(key2row: bytes, strings: bytes) -> dict[str, int]:
    """Word → row of the array of vectors; several words may share a row.

    key2row: MessagePack, a map of integers. strings: JSON, a list of words, some of which may have no vector.
    Keys that belong to no word are left out. ValueError or IndexError for other contents.
    """
    rows, words = _map_of_integers(key2row), json.loads(strings)
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        raise ValueError("the strings are not a list of words")
    keys = murmurhash64a([word.encode("utf-8") for word in words], _SEED).tolist()
    key_of = dict(zip(words, keys, strict=True)) | _NUMBERED
    return {word: rows[key] for word, key in key_of.items() if key in rows}


def _map_of_integers(packed: bytes) -> dict[int, int]:
    head = packed[0]
    size = {0xDE: 2, 0xDF: 4}.get(head, 0)
    if not size and head >> 4 != 8:
        raise ValueError("the rows are not a map")
    count = int.from_bytes(packed[1 : 1 + size], "big") if size else head & 15
    found, place = {}, 1 + size
    for _ in range(count):
        key, place = _integer(packed, place)
        found[key], place = _integer(packed, place)
    if place != len(packed):
        raise ValueError(f"the map of rows ends at byte {place} of {len(packed)}")
    return found


_SIZES = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}


def _integer(packed: bytes, place: int) -> tuple[int, int]:
    """A non-negative integer, and the byte after it."""
    head = packed[place]
    if head < 0x80:
        return head, place + 1
    if head not in _SIZES:
        raise ValueError(f"byte {place} of the map of rows does not begin a non-negative integer")
    end = place + 1 + _SIZES[head]
    return int.from_bytes(packed[place + 1 : end], "big"), end


def murmurhash64a(keys: Sequence[bytes], seed: int) -> np.ndarray:
    """uint64[n]: Austin Appleby's MurmurHash64A (public domain) of each key."""
    hashes, lengths = np.zeros(len(keys), np.uint64), np.array([len(key) for key in keys], np.int64)
    for length in np.unique(lengths).tolist():
        some = np.flatnonzero(lengths == length)
        hashes[some] = _of_one_length([keys[i] for i in some.tolist()], length, seed)
    return hashes


def _of_one_length(keys: list[bytes], length: int, seed: int) -> np.ndarray:
    multiplier, half = np.uint64(_MULTIPLIER), np.uint64(47)
    blocks = np.frombuffer(b"".join(key + bytes(-length % 8) for key in keys), "<u8").reshape(len(keys), -1)
    hashes = np.full(len(keys), (seed ^ length * _MULTIPLIER) % 2**64, np.uint64)
    for block in blocks.T[: length // 8]:
        mixed = block * multiplier
        hashes = (hashes ^ (mixed ^ mixed >> half) * multiplier) * multiplier
    if length % 8:
        hashes = (hashes ^ blocks[:, -1]) * multiplier
    hashes = (hashes ^ hashes >> half) * multiplier
    return np.asarray(hashes ^ hashes >> half)
