"""Read and write files. Nothing half-written is ever left under its final name.

The readers accept any file, so their messages fit a user's own files too. Only files that a stage of the workflow made
are passed through `unchanged`, which checks their seal.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from scipy import sparse

from lightxml_core.arrays import new_array
from lightxml_core.errors import InputError, refusal

_ALWAYS_UNPACKED, _MOST_PACKED = 2**30, 100  # an unpacked matrix may have these bytes, or this factor of its file size


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it to `target` when the block succeeds, else remove it.

    The data are flushed to disk before the renaming, so a crash leaves either the old file or the new one. The
    temporary name keeps the suffix, because numpy and scipy append a missing one. Temporary files of killed processes
    are removed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.tmp{target.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        _seal_of(target).unlink(missing_ok=True)  # it belongs to the old contents
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _remove_leftovers(target: Path) -> None:
    """Remove temporary files for `target` of processes that have ended."""
    start, end = f".{target.stem}.", f".tmp{target.suffix}"
    for path in target.parent.glob(f"{glob.escape(start)}*{glob.escape(end)}"):
        process = path.name.removeprefix(start).removesuffix(end)
        if process.isdecimal() and not Path("/proc", process).exists():
            path.unlink(missing_ok=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`, which replaces `target` when the block succeeds."""
    building = target.with_name(f".{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        yield building
        shutil.rmtree(target, ignore_errors=True)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Make a hard link, or a copy if the file system has no hard links or the two are not on the same one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def hold_lock(path: Path, what: str) -> TextIO:
    """Lock a file until the returned handle is closed or this process ends, for whatever reason.

    InputError if another process holds the lock, with its process id and `what` it does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        holder = handle.read().strip() or "unknown"
        handle.close()
        raise InputError(f"{what} already, in process {holder}: wait for it or stop it, then start again") from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold such a lock during the block, then remove the file."""
    with hold_lock(path, what):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, value: Any) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    with atomic_path(target) as temporary, temporary.open("w", encoding="utf-8") as opened:
        opened.writelines(json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(value))  # a large one in pieces
        opened.write("\n")


_POINTER, _POINTER_BYTES = b"version https://git-lfs.github.com/spec/", 1024


def open_file(source: Path) -> BufferedReader:
    """Open a file in binary mode; InputError if it is missing, a folder, not readable or a Git LFS pointer."""
    try:
        if source.is_dir():
            raise InputError(f"{source} is a folder: name a file")
        opened = source.open("rb")
        start = opened.peek(_POINTER_BYTES)[:_POINTER_BYTES]
        if start.startswith(_POINTER) and b"\noid " in start:
            opened.close()
            raise InputError(
                f"{source} is a Git LFS pointer, not the file itself: run `git lfs pull` where it was cloned"
            )
        return opened
    except FileNotFoundError:
        raise InputError(f"{source} is missing: check the path") from None
    except OSError as error:
        raise InputError(refusal(error) or f"{source} cannot be read: {error}") from None


def _damaged(source: Path, kind: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{source} is not {kind} ({reason}): put a complete copy of it there, or make it again")


def read_json(source: Path) -> Any:
    """Read a JSON file; a missing or damaged one is an InputError that names it."""
    with open_file(source) as opened:
        try:
            return json.loads(opened.read().decode("utf-8"))
        except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, nested too deeply
            raise _damaged(source, "readable JSON", error) from None


def save_csr(target: Path, matrix: sparse.csr_matrix) -> None:
    """Save a CSR matrix as `.npz` in scipy's own format, uncompressed indices in canonical order.

    scipy gives every entry the same fixed date, so equal matrices give equal bytes.
    """
    matrix = sparse.csr_matrix(matrix)
    matrix.sort_indices()
    with atomic_path(target) as temporary:
        sparse.save_npz(temporary, matrix)


def load_csr(source: Path, folder: Path | None = None) -> sparse.csr_matrix:
    """Load a CSR matrix saved by `save_csr` (or by PECOS); anything unreadable is an InputError that names the file.

    folder: for unnamed temporary files into which a large one is unpacked; None to unpack it into memory.
    """
    with open_file(source) as opened:
        try:
            _refuse_bomb(source)
            matrix = sparse.csr_matrix(sparse.load_npz(opened) if folder is None else _unpacked(source, folder))
            matrix.check_format(full_check=True)
            return matrix
        except MemoryError:
            raise
        except Exception as error:  # zip, numpy and scipy each raise their own for a damaged file
            if told := refusal(error):
                raise InputError(told) from None
            raise _damaged(source, "a readable CSR matrix", error) from None


def _unpacked(source: Path, folder: Path) -> sparse.csr_matrix:
    with np.load(source, allow_pickle=False) as opened, zipfile.ZipFile(source) as archive:
        if opened["format"].item() not in (b"csr", "csr"):
            raise ValueError("its rows are not compressed")
        large = [_member(archive, f"{name}.npy", folder) for name in ("data", "indices")]
        return sparse.csr_matrix((*large, opened["indptr"]), shape=opened["shape"])


_PIECE = 1 << 24  # bytes


def _member(archive: zipfile.ZipFile, name: str, folder: Path) -> np.ndarray:
    """An array of one dimension of an `.npz` file, unpacked into `folder`."""
    with archive.open(name) as opened:
        if np.lib.format.read_magic(opened) != (1, 0):
            raise ValueError(f"{name} has a header of another version")
        (length,), _, dtype = np.lib.format.read_array_header_1_0(opened)
        array = new_array(length, dtype, folder)
        raw, filled = array.view(np.uint8), 0
        while piece := opened.read(_PIECE):
            raw[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        if filled != len(raw):
            raise ValueError(f"{name} ends early")
        return array


def _refuse_bomb(source: Path) -> None:
    """ValueError for an archive whose stated unpacked size is larger than any real matrix would have."""
    with zipfile.ZipFile(source) as opened:
        unpacked = sum(entry.file_size for entry in opened.infolist())
    if unpacked > max(_ALWAYS_UNPACKED, _MOST_PACKED * source.stat().st_size):
        raise ValueError(f"it would unpack to {unpacked} bytes")


def save_array(target: Path, array: np.ndarray) -> None:
    """Save one array as `.npy`."""
    with atomic_path(target) as temporary:
        np.save(temporary, array, allow_pickle=False)


def load_array(source: Path, mmap: bool = False) -> np.ndarray:
    """Load one `.npy` array, memory-mapped read-only if asked; anything unreadable is an InputError."""
    open_file(source).close()
    try:
        return np.load(source, mmap_mode="r" if mmap else None, allow_pickle=False)
    except MemoryError:
        raise
    except Exception as error:  # numpy parses the header as Python, so any of the parser's errors can occur
        raise _damaged(source, "a readable array", error) from None


def sha256_of(source: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with source.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


_SEAL = ".sha256"
CHANGED = "is not what was written there (its SHA-256 differs)"


def remake(output: Path) -> str:
    """What a user can do about a damaged result without losing it, as the end of an error's sentence."""
    return f"move {output} away and run again"


def seal(output: Path) -> None:
    """Record the SHA-256 of a stage's finished output, so that the stages that read it can check it.

    For a folder the record is `folder/.sha256`, for a file `.name.sha256` beside it, in the format of `sha256sum -c`.
    """
    files = sorted(path for path in output.rglob("*") if path.is_file()) if output.is_dir() else [output]
    folder, record = (output, output / _SEAL) if output.is_dir() else (output.parent, _seal_of(output))
    found = [file for file in files if not file.name.startswith(".")]
    write_text(record, "".join(f"{sha256_of(file)}  {file.relative_to(folder)}\n" for file in found))


def unchanged(source: Path) -> Path:
    """Return a path that a stage of the workflow made; InputError if it is missing or has changed since."""
    if not source.exists():
        raise InputError(f"{source} is missing: run the rule that makes it")
    check_seal(source)
    return source


def check_seal(source: Path) -> None:
    """InputError if a sealed file, or one in a sealed folder, has changed since; an output without a seal passes."""
    if changed := changed_since(source):
        output = source if source.is_dir() or _seal_of(source).is_file() else source.parent
        raise InputError(f"{changed} {CHANGED}: {remake(output)}")


def changed_since(source: Path) -> Path | None:
    """The first file of `source`, a folder or a file, that differs from its seal; None if there is none."""
    if source.is_dir():
        recorded = _sealed(source / _SEAL)
    elif source.is_file():
        of_file = _seal_of(source)
        found = _sealed(of_file if of_file.is_file() else source.parent / _SEAL)
        recorded = {name: digest for name, digest in found.items() if name == source.name}
    else:
        return None  # its reader will report that it is missing
    folder = source if source.is_dir() else source.parent
    files = ((folder / name, digest) for name, digest in recorded.items())
    return next((file for file, digest in files if not (file.is_file() and sha256_of(file) == digest)), None)


def is_sealed(folder: Path) -> bool:
    """Whether a folder has a seal."""
    return (folder / _SEAL).is_file()


def is_whole(output: Path) -> bool:
    """Whether a stage has finished this file or folder and no part of it, including the seal, was removed since."""
    if output.is_dir():
        recorded = _sealed(output / _SEAL)
        return bool(recorded) and all((output / name).is_file() for name in recorded)
    records = {**_sealed(output.parent / _SEAL), **_sealed(_seal_of(output))}
    return output.is_file() and output.name in records


def digests_of(folder: Path) -> dict[str, str]:
    """File name → SHA-256 of what a stage has put into a folder, as its seal has it; empty without a seal."""
    return _sealed(folder / _SEAL)


def _sealed(record: Path) -> dict[str, str]:
    """File name → SHA-256 in a record; empty if there is no record."""
    if not record.is_file():
        return {}
    lines = record.read_text(encoding="utf-8", errors="replace").split("\n")
    return {name: recorded for recorded, _, name in (line.partition("  ") for line in lines) if name}


def _seal_of(file: Path) -> Path:
    return file.with_name(f".{file.name}{_SEAL}")
