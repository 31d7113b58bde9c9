"""The archive: what a finished run leaves in it, what it refuses, and when code counts as changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lightxml_core.archive import code
from lightxml_core.archive.entry import MOST_BYTES, SCHEMA
from lightxml_core.archive.store import archive_target, read_archive
from lightxml_core.errors import InputError
from lightxml_core.files import read_json, write_json, write_text
from lightxml_core.selection import Selection
from tests.helpers.archive import commit, finished
from tests.helpers.project import ROOT


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Selection:
    """A target of a member, its ensemble and a linear method."""
    root = tmp_path_factory.mktemp("runs")
    return finished(root, {"deep": ["small", "large", "ensemble"], "linear": ["single"]})


def test_the_committed_archive_is_in_order() -> None:
    read_archive(ROOT / "archive")


def test_a_finished_target_is_archived_with_its_trail(runs: Selection, tmp_path: Path) -> None:
    places = archive_target(runs, tmp_path, unfinished=False)
    found = read_archive(tmp_path)
    assert list(map(str, places)) == [
        *(f"one/deep/{member}/seed0.json" for member in ("small", "large", "ensemble")),
        "one/linear/single/seed0.json",
    ]
    assert set(found) == set(places)
    member, ensemble = found[places[0]], found[places[2]]
    metrics = read_json(runs.runs[0].path / "metrics.json")
    assert member.metrics["P@1"].value == pytest.approx(metrics["accuracy"]["P@1"])
    assert member.metrics["PSP@5"].error == pytest.approx(metrics["standard_errors"]["PSP@5"], abs=1e-6)
    assert member.metrics["macro-P@1"].error is None
    assert member.validation == {"P@1": 53.0, "P@3": 43.0, "P@5": 33.0}, "the last scores of the training log"
    assert "seed" not in member.settings and "corpus/Y.tst.npz" in " ".join(member.data)
    assert set(ensemble.settings) == {"small", "large"}
    assert ensemble.costs.wall_seconds == sum(found[place].costs.wall_seconds or 0 for place in places[:2])
    assert member.code.digest == code.digest_at(member.code.commits, ["knn"])
    assert all((tmp_path / place).stat().st_size < MOST_BYTES for place in places)


def test_a_run_without_a_trail_is_not_archived(runs: Selection, tmp_path: Path) -> None:
    provenance = runs.runs[-1].path / "provenance.json"
    about = read_json(provenance)
    for broken, said in (
        ({"git_commit": "unknown"}, "from a clone of the repository"),
        ({"git_commit": "0" * 40}, "is not in the repository"),
        ({"hardware": None}, "machine"),
        ({"data": {"X.trn.npz": "short"}}, "does not match"),
    ):
        write_json(provenance, about | broken)
        with pytest.raises(InputError, match=said):
            archive_target(runs, tmp_path, unfinished=False)
    write_json(provenance, about)
    assert not list(tmp_path.iterdir()), "all or nothing"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": SCHEMA + 1}, r"schema 2 is unknown"),
        ({"code": {"commits": [], "implementations": ["knn"], "digest": "0" * 64}}, "commits"),
        ({"code": {"commits": ["main"], "implementations": ["knn"], "digest": "0" * 64}}, "does not match"),
        ({"metrics": {"P@1": {"value": 100.5}}}, "at most 100"),
        ({"metrics": {"P@1": {"value": 50.0, "error": -1.0}}}, "at least 0"),
        ({"metrics": {"accuracy": {"value": 50.0}}}, "unknown metric 'accuracy'"),
        ({"metrics": {}}, "has no metrics"),
        ({"settings": {"lr": 2}}, "settings_digest is not that of the settings"),
        ({"method": "other"}, "holds the run one/other"),
        ({"invented": 1}, "unknown key 'invented'"),
        ({"started": "yesterday"}, "started"),
    ],
)
def test_an_entry_that_is_not_sound_is_refused(
    runs: Selection, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = tmp_path / archive_target(runs, tmp_path, unfinished=False)[-1]
    write_json(path, read_json(path) | change)
    with pytest.raises(InputError, match=f"seed0.json: .*{said}"):
        read_archive(tmp_path)


def test_a_strange_file_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "one/notes.txt", "")
    with pytest.raises(InputError, match=r"notes\.txt: an archive holds"):
        read_archive(tmp_path)


def test_code_is_the_same_without_comments_and_docstrings() -> None:
    full = '"""Doc."""\n\nX = "# no comment"  # one\n\n\ndef f():\n    """More."""\n    # two\n    return (\n  X)\n'
    less = 'X = "# no comment"\ndef f():\n    return X'
    assert code.skeleton(full) == code.skeleton(less)
    others = [less.replace("return X", "return 1"), less.replace("no", "a"), less.replace("return X", "X")]
    assert len({code.skeleton(text) for text in (less, *others)}) == 4


def test_a_digest_covers_the_method_and_what_it_imports() -> None:
    files = {path.relative_to(ROOT / "lightxml_core").as_posix() for path in code.code_files(["lightxml"])}
    assert {"methods/lightxml/heads.py", "training/loop.py", "encoders/backbone.py"} <= files
    assert not any(name.startswith(("evaluation/", "methods/knn", "files")) for name in files)


def test_changes_that_were_not_committed_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    head = commit()
    committed = code.digest_at([head], ["knn"])
    monkeypatch.setattr(code, "current_digest", lambda names: committed)
    assert code.digest_at([f"{head}+changes"], ["knn"]) == committed
    monkeypatch.setattr(code, "current_digest", lambda names: "other")
    with pytest.raises(InputError, match="changes that are not committed"):
        code.digest_at([f"{head}+changes"], ["knn"])
