"""The recorded commit is that of the project's own repository, or `unknown`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lightxml_core.training import provenance


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    return subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project within another repository, to which the code now seems to belong."""
    folder = tmp_path / "outer" / "project"
    code = folder / "lightxml_core/training/provenance.py"
    code.parent.mkdir(parents=True)
    code.touch()
    repository(tmp_path / "outer")
    monkeypatch.setattr(provenance, "__file__", str(code))
    return folder


def repository(folder: Path) -> str:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    return git(folder, "rev-parse", "HEAD")


def test_a_repository_around_the_project_is_ignored(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert provenance.git_commit() == "unknown"
    own = repository(project)
    assert provenance.git_commit() == own
    monkeypatch.setenv("GIT_DIR", str(project.parent / ".git"))  # as in a hook of another repository
    assert provenance.git_commit() == own
    (project / "config.yaml").write_text("seeds: [1]")
    assert provenance.git_commit() == own
    added = project / "lightxml_core/new.py"
    added.touch()
    assert provenance.git_commit() == f"{own}+changes"
    added.unlink()
    (project / "lightxml_core/training/provenance.py").write_text("edited")
    assert provenance.git_commit() == f"{own}+changes"


def test_the_commit_is_unknown_without_a_readable_repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(project, "init", "--quiet")
    assert provenance.git_commit() == "unknown"  # nothing is committed yet
    repository(project)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        assert provenance.git_commit() == "unknown"
    if os.getuid() == 0:
        for path in (project, project / ".git"):
            os.chown(path, 1234, 1234)
        assert provenance.git_commit() == "unknown"
