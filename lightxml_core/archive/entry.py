"""One archived run: its figures and where they come from. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le

from lightxml_core.definitions.kinds import Definition, Distinct, Pattern, Protocol, Sha256, Text
from lightxml_core.definitions.reading import define
from lightxml_core.errors import InputError
from lightxml_core.evaluation.catalogue import get_metric
from lightxml_core.files import read_json
from lightxml_core.values import Natural, Seed

SCHEMA = 1
MOST_BYTES = 16_000
Name = Annotated[str, Pattern("^[a-z0-9][a-z0-9-]*$")]
Commit = Annotated[str, Pattern(r"^[0-9a-f]{40}(\+changes)?$")]
Time = Annotated[str, Pattern(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\+\d\d:\d\d|Z)$")]
Percent = Annotated[float, Ge(0), Le(100)]
Amount = Annotated[float, Ge(0)]


@dataclass(frozen=True, kw_only=True)
class Figure(Definition):
    """A metric on the test documents in percent, and its standard error over them; None where it has none."""

    value: Percent
    error: Amount | None = None


@dataclass(frozen=True, kw_only=True)
class Code(Definition):
    """What was run: the project's commits, the method modules, and a digest of their code at the first commit.

    An ensemble, or a blend, has those of its members.
    """

    commits: Distinct[Commit]
    implementations: Distinct[Text]
    digest: Sha256


@dataclass(frozen=True, kw_only=True)
class Costs(Definition):
    """Training, with that of members: wall and CPU time in s, memory in GiB, size in bytes. Prediction in ms.

    milliseconds_per_document: all test documents are predicted together. milliseconds_for_one_text: one text alone,
    with the model in memory. None where it was not recorded.
    """

    wall_seconds: Amount | None = None
    cpu_seconds: Amount | None = None
    peak_memory_gib: Amount | None = None
    peak_gpu_memory_gib: Amount | None = None
    model_bytes: Annotated[int, Ge(0)] | None = None
    milliseconds_per_document: Amount | None = None
    milliseconds_for_one_text: Amount | None = None


@dataclass(frozen=True, kw_only=True)
class Machine(Definition):
    """The machine of the training. memory_gib: of the whole machine. gpu: its name, None for a training on the CPU."""

    cpu: Text
    cores: Annotated[int, Ge(1)]
    memory_gib: Annotated[float, Gt(0)]
    gpu: Text | None = None
    trainings_per_gpu: int | None = None


@dataclass(frozen=True, kw_only=True)
class Entry(Definition):
    """A finished run. `docs/archive.md` describes the keys.

    member: of the method, or `ensemble`; it names the folder, and variant is the name that tables show. encoder: name
    of the backbone, None without one. data: SHA-256 of the inputs of the training and of the test labels, by file.
    validation: the last scores on held-out documents in percent, None for a training that made none.
    """

    schema: Literal[1]
    dataset: Name
    method: Name
    member: Name
    variant: Text
    seed: Seed
    protocol: Protocol | None = None
    encoder: Name | None = None
    started: Time
    code: Code
    settings: dict[str, Any]
    settings_digest: Sha256
    data: dict[str, Sha256]
    data_digest: Sha256
    test_documents: Natural
    packages: dict[str, Text]
    machine: Machine
    costs: Costs
    metrics: dict[str, Figure]
    validation: dict[str, Percent] | None = field(default=None)

    @property
    def place(self) -> Path:
        """Where it lies in the archive."""
        return place_of(self.dataset, self.method, self.member, self.seed)


Archive = Mapping[Path, Entry]
"""Entries by their place in the archive."""


def place_of(dataset: str, method: str, member: str, seed: int) -> Path:
    """The file of a run in the archive."""
    return Path(dataset, method, member, f"seed{seed}.json")


def digest_of(value: Any) -> str:
    """Hex SHA-256 of a value as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def read_entries(archive: Path, places: Iterable[Path]) -> Archive:
    """The entries at these places of an archive; those that are not there are left out. InputError as `read_entry`."""
    return {place: read_entry(archive / place, archive) for place in places if (archive / place).is_file()}


def read_entry(path: Path, archive: Path) -> Entry:
    """The entry in a file of an archive.

    InputError, which names the file: an unknown schema, a missing or unknown key, a figure outside its range, a commit
    that is none, digests that do not match, no figures, a file that is too large or not where its content belongs.
    """
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path}: has more than {MOST_BYTES:,} bytes: archive the run again")
    value = read_json(path)
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{path}: schema {schema!r} is unknown: this version reads schema {SCHEMA}")
    entry = checked(define(value, Entry, lambda *_: str(path)), str(path))
    if entry.place != path.relative_to(archive):
        raise InputError(f"{path}: holds the run {entry.place}: move it there, or archive the run again")
    return entry


def checked(entry: Entry, where: str) -> Entry:
    """The entry; InputError where its parts contradict each other. where: names it in the message."""
    for what, value, digest in (
        ("settings", entry.settings, entry.settings_digest),
        ("data", entry.data, entry.data_digest),
    ):
        if digest_of(value) != digest:
            raise InputError(f"{where}: {what}_digest is not that of the {what}: archive the run again")
    if not entry.metrics or not entry.data:
        raise InputError(f"{where}: has no {'data' if entry.metrics else 'metrics'}: archive the run again")
    for name in (*entry.metrics, *(entry.validation or ())):
        get_metric(name, where)
    return entry
