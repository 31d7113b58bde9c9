"""Checksums of downloads that were published without one, recorded at their first use."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightxml_core.errors import InputError
from lightxml_core.files import read_json, write_json


@dataclass(frozen=True)
class Record:
    """Hex SHA-256 and size in bytes of one downloaded file."""

    sha256: str
    bytes: int


class Lock:
    """A JSON file that maps a name (address, path or package requirement) to the `Record` of its first use."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def known(self, name: str) -> Record | None:
        """The record of `name`, if there is one; a damaged lock file is an InputError."""
        return self._read().get(name)

    def check(self, name: str, sha256: str, bytes: int) -> None:
        """Compare a file with the record of `name`, or record it and say so if it is the first of that name.

        Several processes may call this at once. A difference is an InputError that gives both checksums.
        """
        seen = Record(sha256.lower(), bytes)
        with self._exclusive():
            records = self._read()
            known = records.get(name)
            if known is None:
                self._write(records | {name: seen})
        if known is None:
            print(f"{name}: sha256 {seen.sha256} ({bytes} bytes) recorded in {self.path}", file=sys.stderr)
        elif known != seen:
            raise InputError(
                f"{name} has sha256 {seen.sha256} ({bytes} bytes), but {known.sha256} ({known.bytes} bytes) "
                f"when it was recorded in {self.path}: if the change is expected, "
                "write the new values into that record and start again, otherwise do not use the file"
            )

    def _read(self) -> dict[str, Record]:
        if not self.path.exists():
            return {}
        content = read_json(self.path)
        try:
            return {name: _record(entry) for name, entry in content.items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            raise InputError(
                f"{self.path} is not a lock file of downloads "
                '({"name": {"sha256": "64 hex digits", "bytes": 1}, ...}): correct it'
            ) from None

    def _write(self, records: dict[str, Record]) -> None:
        write_json(self.path, {name: vars(records[name]) for name in sorted(records)})

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Lock a separate file, because the lock file itself is replaced by every write."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(f".{self.path.name}.held").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


class Trial(Lock):
    """A lock file whose new records are written only by `keep`, so that a bad file does not leave a record."""

    def __init__(self, lock: Lock) -> None:
        super().__init__(lock.path)
        self._new: dict[str, Record] = {}

    def check(self, name: str, sha256: str, bytes: int) -> None:
        """As in `Lock`, but a first record stays in memory."""
        if self.known(name) is None:
            self._new[name] = Record(sha256.lower(), bytes)
        else:
            super().check(name, sha256, bytes)

    def keep(self) -> None:
        """Write the new records."""
        for name, record in self._new.items():
            super().check(name, record.sha256, record.bytes)


def _record(entry: Any) -> Record:
    sha256, size = str(entry["sha256"]).lower(), int(entry["bytes"])
    if len(bytes.fromhex(sha256)) != 32:
        raise ValueError(sha256)
    return Record(sha256, size)
