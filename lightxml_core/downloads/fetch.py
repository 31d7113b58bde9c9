"""Download a file from the first mirror that serves the right one."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightxml_core.downloads.archives import damage, is_compressed, looks_like_html
from lightxml_core.downloads.lock import Lock
from lightxml_core.downloads.mirrors import Mirror
from lightxml_core.downloads.transfer import BrokenError, Partial, RefusedError, page_served, transfer
from lightxml_core.errors import InputError
from lightxml_core.files import open_file, sha256_of


@dataclass(frozen=True)
class _Patience:
    attempts: int
    timeout_s: float
    pause_s: float


class NoMirrorError(InputError):
    """No mirror served the file. reasons: for each mirror its address and what was wrong."""

    def __init__(self, target: Path, reasons: Sequence[str]) -> None:
        tried = [f"  {reason}" for reason in reasons]
        by_hand = f"put the file by hand at {target} and start again"
        super().__init__("\n".join([f"no mirror gave {target.name}; tried:", *tried, by_hand]))
        self.reasons = tuple(reasons)


def fetch(
    mirrors: Sequence[Mirror],
    target: Path,
    lock: Lock,
    attempts: int = 3,
    timeout_s: float = 60.0,
    pause_s: float = 1.0,
) -> Mirror:
    """Get the file to `target` and return the mirror it is from; a file that is already there is verified and used.

    A mirror is given up after `attempts` failures in a row that brought no new data, with pauses of `pause_s`,
    2 `pause_s`, ... seconds; `timeout_s` is for one connect or read. An interrupted download is resumed, also by the
    next run (`target`.part). A file without a known sha256 is recorded in `lock` on first use and compared afterwards.
    InputError if no mirror serves the file, or if the file already there is not the expected one.
    """
    if not mirrors:
        raise ValueError(f"no mirror given for {target}")
    if target.exists():
        return _verify_existing(mirrors, target, lock)
    target.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for mirror in mirrors:
        try:
            _get(mirror, Partial(target), lock, _Patience(attempts, timeout_s, pause_s))
            return mirror
        except (BrokenError, RefusedError) as failure:
            failures.append(f"{mirror.url}: {failure}")
            if mirror is not mirrors[-1]:
                print(f"no download from {mirror.url}: {failure}", file=sys.stderr)
    raise NoMirrorError(target, failures)


def _get(mirror: Mirror, partial: Partial, lock: Lock, patience: _Patience) -> None:
    best, failures = partial.size(mirror.url), 0
    while True:
        try:
            resumed = transfer(mirror.url, partial, mirror.bytes, patience.timeout_s)
            _verify(mirror, partial, lock, resumed)
            return partial.finish()
        except BrokenError:
            reached = partial.size(mirror.url)
            failures = 1 if reached > best else failures + 1
            best = max(best, reached)
            if failures >= patience.attempts:
                raise
            time.sleep(patience.pause_s * 2 ** (failures - 1))


def _verify(mirror: Mirror, partial: Partial, lock: Lock, resumed: bool) -> None:
    """If the data are not the expected file, discard them and raise RefusedError.

    After a resumed transfer it is BrokenError instead, because a fresh start may still succeed.
    """
    reason = page_served(partial, mirror.url) or _difference(mirror, partial, lock)
    if reason is not None:
        partial.discard()
        raise (BrokenError if resumed else RefusedError)(reason)


def _difference(mirror: Mirror, partial: Partial, lock: Lock) -> str | None:
    try:
        open_file(partial.data).close()
    except InputError:
        return "gave a Git LFS pointer, not the file itself"
    if unlike := _unlike_md5(partial.data, mirror.md5):
        return f"gave a file with {unlike}"
    digest = sha256_of(partial.data)
    if mirror.sha256 is not None:
        expected = mirror.sha256.lower()
        return None if digest == expected else f"gave a file with sha256 {digest} where {expected} is expected"
    # Only an intact archive may become the first record, or later every good one would be refused.
    name = partial.target.name
    if lock.known(mirror.url) is None and is_compressed(partial.target) and (reason := damage(partial.data, name)):
        return f"gave an archive that {reason}"
    try:
        lock.check(mirror.url, digest, partial.data.stat().st_size)
    except InputError as error:
        return str(error)
    return None


def _verify_existing(mirrors: Sequence[Mirror], target: Path, lock: Lock) -> Mirror:
    """Verify a file that is already there against all that is known of any mirror; its origin may be a guess."""
    open_file(target).close()
    if is_compressed(target) and looks_like_html(target):
        raise InputError(f"{target} is an HTML page, not an archive: move it away and start again")
    digest, size = sha256_of(target), target.stat().st_size
    by_hand = os.path.relpath(target, lock.path.parent)
    known = _checksums(mirrors, by_hand, lock)
    fitting = [mirror for mirror in mirrors if mirror.bytes in (None, size)]
    if known and digest not in known:
        raise InputError(
            f"{target} has sha256 {digest}, expected {' or '.join(known)}: move it away and start again, "
            f"or, if a record in {lock.path} is out of date, write the new values into it"
        )
    if not fitting:
        raise InputError(f"{target} has {size} bytes, expected {mirrors[0].bytes}: move it away and start again")
    if unlike := _unlike_md5(target, fitting[0].md5):
        raise InputError(f"{target} has {unlike}: move it away and start again")
    if not known:
        if is_compressed(target) and (reason := damage(target)):
            raise InputError(f"{target} {reason}: move it away and start again")
        lock.check(by_hand, digest, size)
    Partial(target).discard()
    return known.get(digest, fitting[0])


def _unlike_md5(source: Path, expected: str | None) -> str | None:
    """The found and expected MD5 in words if they differ, for a file with a published MD5; else None."""
    if expected is None:
        return None
    with source.open("rb") as opened:
        found = hashlib.file_digest(opened, "md5").hexdigest()
    return None if found == expected.lower() else f"md5 {found} where {expected.lower()} is expected"


def _checksums(mirrors: Sequence[Mirror], by_hand: str, lock: Lock) -> dict[str, Mirror]:
    """Every checksum that the file may have, with its mirror; earlier mirrors take precedence."""
    known: dict[str, Mirror] = {}
    for mirror in mirrors:
        record = lock.known(mirror.url)
        digest = mirror.sha256 or (record and record.sha256)
        if digest:
            known.setdefault(digest.lower(), mirror)
    record = lock.known(by_hand)
    if record:
        known.setdefault(record.sha256, mirrors[0])
    return known
