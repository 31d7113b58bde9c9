"""The reproducibility checklist: its sums, and that its links lead to files."""

from __future__ import annotations

import re
from pathlib import Path

from lightxml_core.files import read_json, write_json, write_text
from lightxml_core.reporting.checklist import NOT_DONE, effort_of, lines, write_checklist
from lightxml_core.reporting.runs import Result
from lightxml_core.reporting.tables.catalogue import KINDS
from tests.helpers.reporting import chosen, grid_selection


def test_hours_are_summed_by_hand_and_missing_ones_counted() -> None:
    on_gpu = {"wall_seconds": 3600.0, "cpu_seconds": 1800.0, "hardware": {"gpu": "H200"}, "resumed": True}
    on_cpu = {"wall_seconds": 100.0, "cpu_seconds": 150.5, "hardware": {"gpu": None}}
    found = effort_of([on_gpu | {"attempts": 3}, on_cpu | {"attempts": 1}, {"wall_seconds": 1.0}])
    assert (found.trainings, found.wall_seconds, found.cpu_seconds, found.with_cpu) == (3, 3701.0, 1950.5, 2)
    assert (found.gpu_seconds, found.resumed, found.failed, found.counted) == (3600.0, 1, 2, 2)


def test_every_link_leads_to_a_file_of_the_target(tmp_path: Path) -> None:
    selection = chosen(grid_selection(tmp_path, ["one", "two"], {"deep": ["a", "ensemble"]}, documents=7))
    folder = tmp_path / "target"
    for kind in KINDS:
        write_text(folder / f"tables/{kind.name}.md", "")
    for name in ("report.html", "Snakefile", "ro-crate-metadata.json", "cards/a.md", "croissant/one.json"):
        write_text(folder / name, "")
    write_checklist(selection, folder)
    text = (folder / "reproducibility.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 20 and all((folder / link).exists() for link in links)
    assert all(line.files or NOT_DONE in line.answer for line in lines(selection, list(map(Result, selection.runs))))
    assert all(line.count(" | ") == 2 for line in text.splitlines() if line.startswith("| "))


def test_the_answers_are_those_of_the_runs(tmp_path: Path) -> None:
    selection = chosen(grid_selection(tmp_path, ["one"], {"deep": ["a", "b"]}, documents=7))

    def answers() -> dict[str, str]:
        return {line.question: line.answer for line in lines(selection, [Result(run) for run in selection.runs])}

    found = answers()
    assert found["source code"] == found["infrastructure"] == NOT_DONE
    assert found["variance over seeds"] == f"{NOT_DONE}: one seed"
    about = {"git_commit": "c0ffee", "started": "2026-11-28T05:00:00+00:00", "hardware": {"cpu": "x", "cores": 2}}
    path = selection.runs[0].path / "provenance.json"
    write_json(path, {**read_json(path), **about})
    assert answers()["source code"] == "commit c0ffee" and answers()["infrastructure"] == "x, 2 cores"
    assert answers()["runs counted"].startswith("2 runs, 2 trainings, of which 0")
