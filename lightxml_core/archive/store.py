"""Put the runs of a finished target into the archive, and read it. Imports nothing heavy."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lightxml_core.archive.code import digest_at
from lightxml_core.archive.entry import SCHEMA, Archive, Entry, checked, digest_of, read_entry
from lightxml_core.archive.trail import corpus_of, results_of, settings_of
from lightxml_core.definitions.reading import define
from lightxml_core.errors import InputError
from lightxml_core.files import digests_of, read_json, sha256_of, unchanged, write_json
from lightxml_core.reporting.costs import combined, summed
from lightxml_core.reporting.runs import Result
from lightxml_core.reporting.validation import validation_of
from lightxml_core.selection import ENSEMBLE, Run, Selection
from lightxml_core.training.description import implementation_of

_TEST = "Y.tst.npz"


def read_archive(folder: Path) -> Archive:
    """Every entry of an archive, by its place; empty where there is no such folder.

    InputError for the first file that is not an entry as `read_entry` wants it, or that has another name.
    """
    found: dict[Path, Entry] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")):
        if path != folder / "README.md":
            if not re.fullmatch(r"seed\d+\.json", path.name):
                raise InputError(f"{path}: an archive holds files such as seed0.json: move it elsewhere")
            entry = read_entry(path, folder)
            found[entry.place] = entry
    return found


def archive_target(selection: Selection, folder: Path, unfinished: bool) -> list[Path]:
    """Write an entry per run of a target, and return their places; nothing is written if one run has no trail.

    unfinished: whether runs without metrics are left out; else they are an InputError.
    """
    runs = [run for run in selection.runs if not unfinished or (run.path / "metrics.json").is_file()]
    entries = [entry_of(selection, run) for run in runs]
    for entry in entries:
        write_json(folder / entry.place, _plain(entry))
    return [entry.place for entry in entries]


def entry_of(selection: Selection, run: Run) -> Entry:
    """The entry of a finished run; InputError where a part of its trail is missing."""
    result = Result(run)
    results = results_of(selection, run)
    trainings = [about for one in results for about in one.trainings]
    if not trainings or not all(trainings):
        raise InputError(f"{run.path}: has no provenance, so it cannot be archived: run the target again")
    settings = settings_of(results)
    data = _data(run, trainings)
    value = {
        "schema": SCHEMA,
        **{"dataset": run.dataset, "method": run.method, "member": run.member or ENSEMBLE, "variant": run.variant},
        **{"seed": run.seed, "protocol": run.protocol, "encoder": run.backbone},
        "started": min(about.get("started", "") for about in trainings),
        "code": _code(results, trainings),
        **{"settings": settings, "settings_digest": digest_of(settings)},
        **{"data": data, "data_digest": digest_of(data)},
        "test_documents": _documents(selection, run),
        "packages": trainings[0].get("packages"),
        "machine": trainings[0].get("hardware"),
        "costs": _costs(results, trainings),
        "metrics": _figures(result),
        "validation": _validation(result),
    }
    where = str(run.path)
    return checked(define(value, Entry, lambda *_: where), where)


def _data(run: Run, trainings: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """SHA-256 of the visible inputs of all trainings, and of the test labels."""
    found = {path: digest for about in trainings for path, digest in (about.get("data") or {}).items()}
    visible = {path: digest for path, digest in sorted(found.items()) if not Path(path).name.startswith(".")}
    test = corpus_of(run) / _TEST
    return {**visible, str(test): digests_of(test.parent).get(_TEST) or sha256_of(unchanged(test))}


def _documents(selection: Selection, run: Run) -> int:
    stats = corpus_of(run) / "stats.json"
    return int(
        read_json(unchanged(stats if stats.is_file() else selection.datasets[run.dataset].stats))["documents_tst"]
    )


def _code(results: Iterable[Result], trainings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    commits = list(dict.fromkeys(str(about.get("git_commit")) for about in trainings))
    if unknown := [commit for commit in commits if not re.match("[0-9a-f]{40}", commit)]:
        raise InputError(f"a training has the commit {unknown[0]!r}: run the target from a clone of the repository")
    folders = [folder for one in results for folder in (one.run.path, *(of.path for of in one.run.blended))]
    implementations = sorted({implementation_of(folder / "model") for folder in folders})
    digest = digest_at(commits, implementations)
    return {"commits": commits, "implementations": implementations, "digest": digest}


def _costs(results: list[Result], trainings: list[dict[str, Any]]) -> dict[str, Any]:
    cpu = (about.get("cpu_seconds") or _cpu_seconds(one.run) for one in results for about in one.trainings)
    return {
        "wall_seconds": summed(trainings, "wall_seconds"),
        "cpu_seconds": combined(cpu),
        "peak_memory_gib": summed(trainings, "peak_memory_gib", max),
        "peak_gpu_memory_gib": summed(trainings, "peak_gpu_memory_gib", max),
        "model_bytes": sum(int(about["model_bytes"]) for one in results for about in one.models),
        "milliseconds_per_document": combined(one.milliseconds_per_document for one in results),
        "milliseconds_for_one_text": combined(one.milliseconds_for_one_text for one in results),
    }


def _cpu_seconds(run: Run) -> float | None:
    """CPU time of a training as Snakemake measured it, for runs whose provenance has none."""
    parts = run.path.parts
    if "results" not in parts or run.blended:
        return None
    place = parts.index("results")
    measured = Path(*parts[:place], "logs", "train", *parts[place + 1 :]).with_suffix(".tsv")
    if not measured.is_file():
        return None
    with measured.open(encoding="utf-8", newline="") as opened:
        row = next(csv.DictReader(opened, delimiter="\t"), {})
    return float(row["cpu_time"]) if re.fullmatch(r"[\d.]+", row.get("cpu_time", "")) else None


def _figures(result: Result) -> dict[str, dict[str, float | None]]:
    errors = result.standard_errors
    return {
        name: {"value": round(value, 6), "error": round(errors[name], 6) if name in errors else None}
        for name, value in result.metrics.items()
    }


def _validation(result: Result) -> dict[str, float] | None:
    found = validation_of(result)
    return {name: round(float(value), 6) for name, value in found.items()} if found else None


def _plain(entry: Entry) -> dict[str, Any]:
    """The entry as JSON has it; optional keys without a value are left out."""
    value = asdict(entry)
    for part in (value, value["costs"], value["machine"], *value["metrics"].values()):
        for name in [name for name, found in part.items() if found is None]:
            del part[name]
    return value
