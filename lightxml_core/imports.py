"""Find the library files that a program depends on, so that a rule runs again when one of them is edited."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PACKAGE = Path(__file__).parent.name
# `from package.module import (several)`, `from package.module import one`, `import package.modules`
_IMPORT = re.compile(
    rf"^[ \t]*(?:from ({_PACKAGE}[\w.]*) import (?:\(([^)]*)\)|(.+))|import ({_PACKAGE}.*))", re.MULTILINE
)


def imported_files(programs: Iterable[Path], without: Collection[Path] = ()) -> list[Path]:
    """The programs and every library file that they import, directly or through others, sorted.

    Imports inside functions are included. An import under a computed name is not found: pass that file too. without:
    files that are left out, with what only they import.
    """
    found: set[Path] = set()
    waiting = {path.resolve() for path in programs}
    while waiting:
        path = waiting.pop()
        found.add(path)
        waiting |= _imports(path) - found - {*without}
    return sorted(found)


@cache
def _imports(path: Path) -> frozenset[Path]:
    files = map(_file, _names(path.read_text(encoding="utf-8")))
    return frozenset(file for file in files if file is not None)


def _names(source: str) -> Iterator[str]:
    """The dotted names of imports of this package: `from a import b` imports a, and a.b if that is a module.

    Found by their lines, because parsing all files would take a third of a second at each start of snakemake.
    """
    for module, several, one, modules in _IMPORT.findall(source):
        if modules:
            yield from _listed(modules)
        else:
            yield module
            yield from (f"{module}.{name}" for name in _listed(several or one))


def _listed(names: str) -> list[str]:
    """The names of `a as b, c`, without comments."""
    return [name.split()[0] for name in re.sub(r"#.*", "", names).split(",") if name.strip()]


def _file(name: str) -> Path | None:
    if name.split(".")[0] != _PACKAGE:
        return None
    path = _ROOT.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)
