"""Files of the user that a definition names: where they are, and whether they have changed."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lightxml_core.files import sha256_of, write_json

_LARGE = 2**30

log = logging.getLogger(__name__)


def located(project: Path, path: str) -> Path:
    """Resolve a path in a definition: relative to the project's folder, `~` for the home directory.

    The result is relative to the current directory unless the given path is absolute, so that a project can be moved
    together with its data.
    """
    given = Path(path).expanduser()
    return given if given.is_absolute() else Path(os.path.relpath(project / given))


class Fingerprints:
    """SHA-256 digests of files, cached in `record` so that a file is read again only after it has changed.

    A file counts as changed if its real path, inode, size, modification time or status-change time differs. The last of
    these cannot be set, so data replaced by older files (`cp -p`, `tar x`, `rsync -a`) or by another link are detected.
    A new time with the same contents does not change the digest.
    """

    def __init__(self, record: Path) -> None:
        self._record = record
        self._known: dict[str, list[object]] = {}
        with suppress(OSError, ValueError):
            known = json.loads(record.read_text(encoding="utf-8"))
            self._known = known if isinstance(known, dict) else {}

    def of(self, files: Iterable[Path]) -> dict[str, str | None]:
        """File name -> digest; None for a file that cannot be read, which its reader will report."""
        before = dict(self._known)
        found = {path.name: self._digest(path) for path in files}
        if self._known != before:
            with suppress(OSError):
                write_json(self._record, self._known)
        return found

    def _digest(self, path: Path) -> str | None:
        try:
            real, stat = path.resolve(strict=True), path.stat()
            state = [stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
            match self._known.get(str(real)):
                case [*known, str(digest)] if known == state:
                    return digest
            if stat.st_size >= _LARGE:
                log.warning("reading %s (%.1f GiB) to see whether it has changed", path, stat.st_size / _LARGE)
            self._known[str(real)] = [*state, digest := sha256_of(real)]
        except (OSError, RuntimeError):  # RuntimeError: a loop of links, in Python 3.11
            return None
        return digest
