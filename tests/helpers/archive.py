"""Finished runs with all that the archive asks for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lightxml_core.files import read_json, write_json
from lightxml_core.selection import Selection
from tests.helpers.project import ROOT
from tests.helpers.reporting import chosen, grid_selection

DIGEST = "ab" * 32


def commit() -> str:
    """HEAD of the project; the test is skipped where this is no repository."""
    asked = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True)
    if asked.returncode:
        pytest.skip("the project is no git repository here")
    return asked.stdout.strip()


def finished(root: Path, methods: dict[str, list[str]], documents: int = 40) -> Selection:
    """A target of one dataset whose runs are complete: random predictions, said to be of the method knn at HEAD."""
    head = commit()
    rows = grid_selection(root, ["one"], methods, documents)
    for number, run in enumerate(rows["runs"]):
        path = Path(run["path"])
        path.rename(path.parent / "moved")
        run["path"] = str(path / "seed0")
        path.mkdir()
        (path.parent / "moved").rename(path / "seed0")
        if run["variant"] != "ensemble":
            _complete(path / "seed0", head, number)
    return chosen(rows)


def _complete(run: Path, commit: str, number: int) -> None:
    write_json(run / "model/method.json", {"implementation": "knn", "reads": ["tfidf"]})
    about = {
        **read_json(run / "provenance.json"),
        **{"git_commit": commit, "started": "2026-11-28T05:00:00+00:00", "peak_memory_gib": 0.5, "cpu_seconds": 8.0},
        "hardware": {"cpu": "a processor", "cores": 2, "memory_gib": 16.0, "gpu": None},
        **{"packages": {"numpy": "2.4.6"}, "settings": {"seed": 0, "lr": 0.1 * number}, "data": {"X.npz": DIGEST}},
    }
    write_json(run / "provenance.json", about)
