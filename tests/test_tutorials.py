"""The tutorials, followed to the letter in a fresh copy of the project."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightxml_core.registry import load_registry, read_config
from tests.project import ROOT, copy_project

BLOCK = re.compile(r"(?:^`(?P<path>[^`\n]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(name: str) -> Iterator[tuple[str | None, str, str]]:
    """Each block of code of a document: the file it is to be written to, if one is named, its kind, its content."""
    for match in BLOCK.finditer((ROOT / f"docs/{name}.md").read_text(encoding="utf-8")):
        yield match["path"], match["kind"], match["body"]


def follow(name: str, project: Path) -> None:
    """Write the files and run the commands of a tutorial in their order."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for file, kind, body in blocks(name):
        if file:
            (project / file).write_text(body, encoding="utf-8")
        elif kind == "sh":
            environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
            done = subprocess.run(
                ["bash", "-euc", body], cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            assert done.returncode == 0, done.stdout.decode()[-4000:]


def precision_at_1(project: Path) -> dict[str, float]:
    with (project / "results/tables/comparison.csv").open(encoding="utf-8", newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["metric"] == "P@1" and row["dataset"] == "tickets"]
    return {row["method"]: float(row["reproduced_mean"]) for row in rows}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("tutorials") / "project")


def test_a_spreadsheet_becomes_a_dataset_and_a_module_becomes_a_method(project: Path) -> None:
    follow("add-a-dataset", project)
    found = precision_at_1(project)
    assert set(found) == {"parabel", "bonsai", "one-vs-rest", "knn"} and min(found.values()) > 80
    assert "Support tickets" in (project / "results/report.html").read_text(encoding="utf-8")
    follow("add-a-method", project)
    found = precision_at_1(project)
    assert set(found) == {"rocchio", "parabel", "knn"} and found["rocchio"] > 80


def test_the_other_examples_are_valid_definitions(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    fragments = [body for file, kind, body in blocks("add-a-dataset") if kind == "yaml" and not file]
    assert fragments
    for number, body in enumerate(fragments):
        (project / f"datasets/example{number}.yaml").write_text(f"title: Example\n{body}", encoding="utf-8")
    registry = load_registry(project, read_config(project / "config.yaml"))
    assert {f"example{number}" for number in range(len(fragments))} <= set(registry.datasets)


def test_the_method_of_the_tutorial_is_short() -> None:
    module = next(body for file, _, body in blocks("add-a-method") if file and file.endswith("rocchio.py"))
    assert len(module.splitlines()) < 100
