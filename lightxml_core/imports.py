"""Find the library files that a program depends on, so that a rule runs again when one of them is edited."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PACKAGE = Path(__file__).parent.name


def imported_files(programs: Iterable[Path]) -> list[Path]:
    """The programs and every library file that they import, directly or through others, sorted.

    The files are parsed, not run, and imports inside functions are included. An import under a computed name is not
    found: pass that file too.
    """
    found: set[Path] = set()
    waiting = {path.resolve() for path in programs}
    while waiting:
        path = waiting.pop()
        found.add(path)
        waiting |= _imports(path) - found
    return sorted(found)


@cache
def _imports(path: Path) -> frozenset[Path]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    files = (_file(name) for node in ast.walk(tree) for name in _names(node))
    return frozenset(file for file in files if file is not None)


def _names(node: ast.AST) -> Iterator[str]:
    """The dotted names of an import: `from a import b` imports a, and a.b if that is a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(name: str) -> Path | None:
    if name.split(".")[0] != _PACKAGE:
        return None
    path = _ROOT.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)
