"""Reading and writing files so that nothing half-written is ever left under its final name."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; rename it onto `target` when the block ends well, else remove it.

    The data reach the disk before the name does, so a crash leaves either the old file or the new one.
    The temporary name keeps the suffix, because numpy and scipy append one that is missing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.tmp{target.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def hold_lock(path: Path, what: str) -> TextIO:
    """Lock a file for as long as the returned handle is open and this process lives, however it ends.

    InputError if another process holds it, naming `what` it does and its process id.
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


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, value: Any) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    write_text(target, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(source: Path) -> Any:
    """Read a JSON file; a missing or damaged one is an InputError that names it."""
    try:
        return json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{source} is missing: run the rule that makes it") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{source} is not readable JSON ({error}): delete it and run again") from None


def save_csr(target: Path, matrix: sparse.csr_matrix) -> None:
    """Save a CSR matrix as `.npz` in scipy's own format, uncompressed indices in canonical order.

    scipy stamps every entry with the same fixed date, so equal matrices give equal bytes.
    """
    matrix = sparse.csr_matrix(matrix)
    matrix.sort_indices()
    with atomic_path(target) as temporary:
        sparse.save_npz(temporary, matrix)


def load_csr(source: Path) -> sparse.csr_matrix:
    """Load a CSR matrix saved by `save_csr` (or by PECOS); anything unreadable is an InputError that names the file."""
    try:
        matrix = sparse.csr_matrix(sparse.load_npz(source))
        matrix.check_format(full_check=True)
        return matrix
    except FileNotFoundError:
        raise InputError(f"{source} is missing: run the rule that makes it") from None
    except Exception as error:  # zip, numpy and scipy each raise their own for a damaged file
        raise InputError(f"{source} is not a readable CSR matrix ({error}): delete it and run again") from None


def save_array(target: Path, array: np.ndarray) -> None:
    """Save one array as `.npy`."""
    with atomic_path(target) as temporary:
        np.save(temporary, array, allow_pickle=False)


def load_array(source: Path, mmap: bool = False) -> np.ndarray:
    """Load one `.npy` array, memory-mapped read-only if asked; anything unreadable is an InputError."""
    try:
        return np.load(source, mmap_mode="r" if mmap else None, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{source} is missing: run the rule that makes it") from None
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{source} is not a readable array ({error}): delete it and run again") from None


def sha256_of(source: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with source.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
