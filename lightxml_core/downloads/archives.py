"""Unpack untrusted archives: nothing outside the target, no links, no more bytes than allowed."""

from __future__ import annotations

import bz2
import errno
import gzip
import logging
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from lightxml_core.downloads.mirrors import suffix_of
from lightxml_core.errors import InputError
from lightxml_core.files import atomic_path, open_file

MAX_BYTES = 200 * 2**30
MAX_MEMBERS = 10**6
MEMBER_BYTES = 4 * 2**30  # largest file that is read into memory
_MAX_HEADER = 2**16  # bytes of one long name or one set of attributes in a tar; a path has at most 4096
_MAX_TAIL = 2**24  # bytes after the end mark of a tar, which pads to a multiple of some kilobytes
_EXTENDED = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_CHUNK = 2**20
_UNPACKABLE = (".zip", ".whl", ".npz", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_COMPRESSED = (*_UNPACKABLE, *_OPENERS)
_SHOWN = 5
# Errors that bad names and offsets in an archive cause. Every other error of the system is the machine's.
_BAD_INPUT = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}


logger = logging.getLogger(__name__)


class _UnusableError(Exception):
    """The archive is refused; the message continues a sentence that begins with its name."""


@dataclass(frozen=True)
class _Member:
    path: PurePosixPath
    is_folder: bool
    open: Callable[[], IO[bytes] | None]
    is_link: bool = False


def is_compressed(path: Path) -> bool:
    """Whether the name is that of an archive or a compressed file, so that an HTML page cannot be its contents."""
    return path.name.lower().endswith(_COMPRESSED)


def looks_like_html(path: Path) -> bool:
    """Whether the file begins as an HTML page does, whatever its name."""
    with path.open("rb") as opened:
        head = opened.read(512).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return head.startswith((b"<!doctype html", b"<html"))


def unpack(archive: Path, target: Path, max_bytes: int = MAX_BYTES) -> None:
    """Unpack a zip, a wheel or a tar (plain, gzip, bzip2, xz; detected by content) into the folder `target`.

    `target` appears complete or not at all, with only ordinary files and folders. `max_bytes` limits the bytes written,
    whatever the headers claim. Links in a tar are left out, with one warning. InputError if `target` is not empty, or
    if the archive is damaged, too large, or has a device, a path outside `target` or, in a zip, a link.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is in the way of unpacking {archive}: move it away and start again")
    building = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        with _reporting_errors(archive):
            left, links = max_bytes, []
            for member in _members(archive):
                left = _write(member, building, left)
                links += [member.path] * member.is_link
        os.replace(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    if links:
        first = ", ".join(map(str, links[:_SHOWN])) + (", …" if len(links) > _SHOWN else "")
        logger.warning("%s holds %d links, which are left out: %s", archive, len(links), first)


def decompress(source: Path, target: Path, max_bytes: int = MAX_BYTES) -> None:
    """Decompress a single gzip, bzip2 or xz file (detected by its suffix) to `target`.

    InputError if it is damaged or unpacks to more than `max_bytes`. Then `target` is not written.
    """
    with atomic_path(target) as temporary, _reporting_errors(source), temporary.open("wb") as out:
        _pass_bytes(_only_member(source, source.name), max_bytes, out.write)


def damage(archive: Path, name: str | None = None, max_bytes: int = MAX_BYTES) -> str | None:
    """Read a whole archive or compressed file without writing; what is wrong ("is damaged ..."), or None.

    name: its final name, if the file does not have it yet.
    """
    name = name or archive.name
    try:
        with _as_unusable():
            left = max_bytes
            for member in [_only_member(archive, name)] if suffix_of(name) else _members(archive):
                left = _pass_bytes(member, left)
    except _UnusableError as error:
        return str(error)
    return None


def _only_member(source: Path, name: str) -> _Member:
    return _Member(PurePosixPath(name), False, partial(_OPENERS[suffix_of(name)], source))


def read_member(archive: Path, member: str, max_bytes: int = MEMBER_BYTES) -> bytes:
    """The bytes of one file of an archive, the first of that name. Nothing else is read into memory.

    InputError if it is missing or larger than `max_bytes`, or if the archive is damaged or unsafe before it.
    """
    chunks: list[bytes] = []
    with _reporting_errors(archive):
        for found in _members(archive):
            if found.path == PurePosixPath(member) and not (found.is_folder or found.is_link):
                _pass_bytes(found, max_bytes, chunks.append)
                return b"".join(chunks)
    raise InputError(f"{archive} holds no file {member}: check that it is the right archive and version")


@contextmanager
def _reporting_errors(archive: Path) -> Iterator[None]:
    """Turn errors about the archive into an InputError of one sentence that names it."""
    open_file(archive).close()
    if looks_like_html(archive):
        raise InputError(f"{archive} is an HTML page, not an archive: put the archive itself there, or move it away")
    try:
        with _as_unusable():
            yield
    except _UnusableError as error:
        raise InputError(f"{archive} {error}: put a complete copy there, or move it away") from None


@contextmanager
def _as_unusable() -> Iterator[None]:
    """Turn errors that a bad archive causes into _UnusableError; others, such as a full disk, pass through."""
    try:
        yield
    except _UnusableError:
        raise
    except Exception as error:  # zipfile, tarfile and the decompressors each raise their own for damaged data
        if isinstance(error, OSError) and error.errno is not None and error.errno not in _BAD_INPUT:
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(":")
        raise _UnusableError(f"is damaged, cut short or of an unknown kind ({reason})") from None


def _members(archive: Path) -> Iterator[_Member]:
    with archive.open("rb") as opened:
        is_zip = opened.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    for number, member in enumerate(_zip_members(archive) if is_zip else _tar_members(archive), 1):
        if number > MAX_MEMBERS:
            raise _UnusableError(f"holds more than {MAX_MEMBERS} files and folders")
        yield member


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _UnusableError(f"holds a link or device ({info.filename})")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # zipfile unpacks a whole piece of the other kinds at once, which may be gigabytes
                raise _UnusableError(f"is packed by an unsupported method ({info.filename}): pack it by deflate")
            yield _Member(_safe_path(info.filename, info.is_dir()), info.is_dir(), partial(opened.open, info))


class _Header(tarfile.TarInfo):
    """A header of a tar. Long names, attributes and maps of sparse files are read into memory, so they are limited.

    The comments in tarfile name `_proc_member` as the method that a subclass may override. The type stubs omit it.
    """

    def _proc_member(self, opened: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _EXTENDED and self.size > _MAX_HEADER:
            raise _UnusableError(f"has a header of {self.size} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise _UnusableError(f"holds a sparse file ({self.name})")
        found: tarfile.TarInfo = super()._proc_member(opened)  # type: ignore[misc]  # not in typeshed
        return found

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise _UnusableError(f"holds a sparse file ({self.name})")


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive, "r:*", tarinfo=_Header) as opened:
        for info in opened:
            is_link = info.issym() or info.islnk()
            if not (info.isreg() or info.isdir() or is_link):
                raise _UnusableError(f"holds a device ({info.name})")
            source = partial(opened.extractfile, info)
            yield _Member(_safe_path(info.name, info.isdir()), info.isdir(), source, is_link)
            opened.members.clear()  # type: ignore[attr-defined]  # not in the stubs; tarfile keeps every header there
        _require_end(opened)


def _require_end(opened: tarfile.TarFile) -> None:
    """Require the block of zeros that ends a tar, because tarfile treats a damaged header as the end.

    Reading to the end of the file makes the decompressor verify its checksum.
    """
    stream = opened.fileobj
    assert stream is not None
    stream.seek(opened.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise EOFError("it has no end mark")
    left = _MAX_TAIL
    while chunk := stream.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise _UnusableError("has data after its end mark")


def _safe_path(name: str, is_folder: bool) -> PurePosixPath:
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if path.is_absolute() or path.drive or ".." in path.parts:
            raise _UnusableError(f"holds a path outside its own folder ({name})")
    if not is_folder and not PurePosixPath(name).name:
        raise _UnusableError("holds a file without a name")
    return PurePosixPath(name)


def _write(member: _Member, folder: Path, left: int) -> int:
    """Write one member below `folder`; return how many of the `left` bytes remain allowed."""
    place = folder / member.path
    if member.is_link:
        return left
    if member.is_folder:
        place.mkdir(parents=True, exist_ok=True)
        return left
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as out:
        return _pass_bytes(member, left, out.write)


def _pass_bytes(member: _Member, left: int, take: Callable[[bytes], object] = len) -> int:
    """Pass a member's bytes to `take` in pieces; return how many of the `left` bytes remain allowed."""
    source = None if member.is_folder or member.is_link else member.open()
    if source is None:
        return left
    with source:
        # One byte more than allowed, so that the end of a member that just fits is still reached and checked.
        while chunk := source.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise _UnusableError(f"unpacks to more bytes than allowed (at {member.path})")
            take(chunk)
    return left
