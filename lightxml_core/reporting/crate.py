"""A target as a Workflow Run RO-Crate: a JSON-LD file that says what was made, by which workflow, from what.

The profile: https://w3id.org/ro/wfrun/workflow/0.5, over RO-Crate 1.1. The root of the crate is the target's folder.
Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lightxml_core.files import write_json, write_text
from lightxml_core.reporting.addresses import package_url
from lightxml_core.reporting.runs import Result
from lightxml_core.selection import Selection

NAME, WORKFLOW = "ro-crate-metadata.json", "Snakefile"
_CRATE = "https://w3id.org/ro/crate/1.1"
_WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    _WORKFLOW_CRATE: "Workflow RO-Crate",
}
_BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
_LICENCE, _OF_ALL = "https://spdx.org/licenses/Apache-2.0", "#licences"
_FORMATS = {
    **{".csv": "text/csv", ".html": "text/html", ".json": "application/json", ".md": "text/markdown"},
    **{".png": "image/png", ".svg": "image/svg+xml", ".tex": "application/x-tex"},
}
Entity = dict[str, Any]
Span = tuple[str, str]  # start and end of a training, ISO 8601


def write_crate(selection: Selection, folder: Path, workflow: Path) -> None:
    """Write `ro-crate-metadata.json` into the folder of a target, which holds its results; copy the workflow there."""
    write_text(folder / WORKFLOW, workflow.read_text(encoding="utf-8"))
    write_json(folder / NAME, crate(selection, folder))


def crate(selection: Selection, folder: Path) -> Entity:
    """The contents of the file. Times are those of the trainings that the target shows."""
    results = [Result(run) for run in selection.runs]
    spans = [_span(result.provenance) for result in results if result.provenance.get("started")]
    files = [_file(path, folder) for path in _listed(folder)]
    packages = _packages(results)
    inputs = [entity for entity in files if entity["@id"].startswith("croissant/")]
    outputs = [entity for entity in files if entity not in inputs]
    graph = [
        _entity(NAME, "CreativeWork", about=_id("./"), conformsTo=_ids([_CRATE, _WORKFLOW_CRATE])),
        _root(selection, files, spans),
        _workflow(results, packages),
        _entity(
            _LANGUAGE, "ComputerLanguage", name="Snakemake", alternateName="SMK", url="https://snakemake.github.io"
        ),
        _action(selection, spans, inputs, outputs),
        *files,
        *packages,
        *(_entity(url, "CreativeWork", name=name, version=url.rpartition("/")[2]) for url, name in _PROFILES.items()),
        _entity(_LICENCE, "CreativeWork", name="Apache License 2.0", description="The licence of the workflow"),
        _entity(
            _OF_ALL,
            "CreativeWork",
            name="Licences of the target",
            description="Texts and labels of a dataset: its licence, see croissant/. Everything else: Apache-2.0.",
        ),
    ]
    return {"@context": f"{_CRATE}/context", "@graph": graph}


def _root(selection: Selection, files: Sequence[Entity], spans: Sequence[Span]) -> Entity:
    """The published date, which the format demands, is that of the newest training, so equal runs give equal bytes."""
    newest = max((end for _, end in spans), default=datetime.now(UTC).isoformat())
    datasets, methods = ", ".join(selection.datasets), ", ".join(selection.methods)
    return _entity(
        "./",
        "Dataset",
        name=f"LightXML, target {selection.target}",
        description=f"Tables, figures, report and model cards of {methods} on {datasets}.",
        datePublished=newest[: len("2026-11-28")],
        license=_id(_OF_ALL),
        conformsTo=_ids(_PROFILES),
        hasPart=_ids([WORKFLOW, *(file["@id"] for file in files)]),
        mainEntity=_id(WORKFLOW),
        mentions=_id("#run"),
    )


def _workflow(results: Iterable[Result], packages: Sequence[Entity]) -> Entity:
    commits = sorted(
        {str(result.provenance["git_commit"]) for result in results if result.provenance.get("git_commit")}
    )
    return _entity(
        WORKFLOW,
        ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        name="The LightXML pipeline",
        description="The main file of the workflow. The rules that it includes lie in the project at the commit given.",
        programmingLanguage=_id(_LANGUAGE),
        conformsTo=_id(_BIOSCHEMAS),
        encodingFormat="text/plain",
        license=_id(_LICENCE),
        version=", ".join(commits) or None,
        softwareRequirements=_ids(package["@id"] for package in packages),
    )


def _action(selection: Selection, spans: Sequence[Span], inputs: Sequence[Entity], outputs: Sequence[Entity]) -> Entity:
    return _entity(
        "#run",
        "CreateAction",
        name=f"snakemake {selection.target}",
        description="The run of the workflow that made this target.",
        instrument=_id(WORKFLOW),
        object=_ids(entity["@id"] for entity in inputs),
        result=_ids(entity["@id"] for entity in outputs),
        startTime=min((start for start, _ in spans), default=None),
        endTime=max((end for _, end in spans), default=None),
        actionStatus="http://schema.org/CompletedActionStatus",
    )


def _span(provenance: dict[str, Any]) -> Span:
    start = datetime.fromisoformat(provenance["started"])
    end = start + timedelta(seconds=float(provenance.get("wall_seconds") or 0))
    return start.isoformat(timespec="seconds"), end.isoformat(timespec="seconds")


def _packages(results: Iterable[Result]) -> list[Entity]:
    found = {
        (name, version)
        for result in results
        for name, version in (result.provenance.get("packages") or {}).items()
        if version != "not installed"
    }
    return [
        _entity(url, "SoftwareApplication", name=name, softwareVersion=version, url=url)
        for name, version in sorted(found)
        for url in [package_url(f"{name}=={version}")]
    ]


def _listed(folder: Path) -> list[Path]:
    """The files of a target that are results; hidden ones are seals."""
    files = (path for path in folder.rglob("*") if path.is_file())
    visible = (path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    return sorted(path for path in visible if path.name not in (NAME, WORKFLOW))


def _file(path: Path, folder: Path) -> Entity:
    name = path.relative_to(folder).as_posix()
    return _entity(
        name, "File", name=name, encodingFormat=_FORMATS.get(path.suffix), contentSize=str(path.stat().st_size)
    )


def _entity(identity: str, kind: str | list[str], **properties: Any) -> Entity:
    """Properties without a value are left out."""
    return {
        "@id": identity,
        "@type": kind,
        **{name: value for name, value in properties.items() if value not in (None, [])},
    }


def _id(identity: str) -> Entity:
    return {"@id": identity}


def _ids(identities: Iterable[str]) -> Entity | list[Entity]:
    """References; one alone is no list."""
    found = [_id(identity) for identity in identities]
    return found[0] if len(found) == 1 else found
