"""The files that a program depends on, against those that Python's parser finds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from lightxml_core.imports import imported_files
from tests.helpers.project import ROOT


def imported(path: Path) -> Iterator[Path]:
    """The files of the library that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{name}" for name in names)]
        for name in names:
            found = ROOT.joinpath(*name.split("."))
            if name.split(".")[0] == "lightxml_core":
                yield from (file for file in (found.with_suffix(".py"), found / "__init__.py") if file.is_file())


def test_every_import_of_every_program_is_found() -> None:
    programs = sorted(ROOT.glob("workflow_scripts/*.py"))
    expected, waiting = set[Path](), {*programs}
    while waiting:
        path = waiting.pop()
        expected.add(path)
        waiting |= {*imported(path)} - expected
    assert len(expected) > 100
    assert imported_files(programs) == sorted(expected)
