"""The tutorials, followed exactly in a fresh copy of the project."""

from __future__ import annotations

import csv
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightxml_core.registry import load_registry, read_config
from tests.helpers.fork_server import python
from tests.helpers.project import ROOT, copy_project, snakemake

BLOCK = re.compile(r"(?:^`(?P<path>[^`\n]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(name: str) -> Iterator[tuple[str | None, str, str]]:
    """Each code block of a document: the file that it belongs to, if one is named, its kind and its content."""
    for match in BLOCK.finditer((ROOT / f"docs/{name}.md").read_text(encoding="utf-8")):
        yield match["path"], match["kind"], match["body"]


def change(file: Path, diff: str) -> None:
    """Apply a diff from a document: its lines without `+` are replaced by those without `-`."""
    old, new = ("".join(f"{line[1:]}\n" for line in diff.splitlines() if line[0] != sign) for sign in "+-")
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} does not have once: {old}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def follow(name: str, project: Path) -> None:
    """Write the files, make the changes and run the commands of a tutorial in their order."""
    path = f"{Path(python()).parent}{os.pathsep}{os.environ['PATH']}"
    changed = ""  # a block without a path changes the file of the block before it
    for file, kind, body in blocks(name):
        changed = file or changed
        if kind == "diff":
            change(project / changed, body)
        elif file:
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


def test_a_spreadsheet_is_a_dataset_and_a_module_is_a_method(project: Path) -> None:
    follow("add-a-dataset", project)
    found = precision_at_1(project)
    assert set(found) == {"parabel", "bonsai", "one-vs-rest", "knn"} and min(found.values()) > 80
    assert "Support tickets" in (project / "results/report.html").read_text(encoding="utf-8")
    follow("add-a-method", project)
    found = precision_at_1(project)
    assert set(found) == {"rocchio", "parabel", "knn"} and found["rocchio"] > 80


def test_a_layout_a_figure_a_table_and_a_metric_are_added(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    follow("extend", project)
    with (project / "results/tables/ndcg.csv").open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert {row["method"] for row in rows} == {"Parabel", "20 nearest neighbours"}
    assert all(float(row["nDCG@1"]) > 80 for row in rows)
    assert (project / "results/figures/ndcg.svg").is_file()
    for name in ("results/tables/further.md", "results/tables/comparison.csv", "docs/results.md"):
        assert "success@" in (project / name).read_text(encoding="utf-8"), name
    assert "nDCG at 1, 3 and 5" in (project / "results/report.html").read_text(encoding="utf-8")
    (tmp_path / "notes/train.jsonl").write_text('{"text": "no labels"}\n', encoding="utf-8")
    said = snakemake(project, "results/notes/corpus/stats.json", expect=1)
    assert "train.jsonl line 1 is not an object" in said


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
