"""Finding the files of a layout where an archive was unpacked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lightxml_core.errors import InputError

SHOWN = 20


def locate(folder: Path, *variants: Mapping[str, str]) -> dict[str, Path]:
    """Paths of the files of the first variant (role -> file name) that is complete, by role.

    Looks in `folder`, then one and two folders down, because archives often hold a top folder of their own.
    InputError if no folder is complete, or if several on the same level are.
    """
    for level in ([folder], folder.glob("*"), folder.glob("*/*")):
        inside = sorted(path for path in level if path.is_dir())
        for variant in variants:
            complete = [path for path in inside if all((path / name).is_file() for name in variant.values())]
            if len(complete) > 1:
                raise InputError(f"{folder} holds the files more than once, in {_names(complete)}: keep one of them")
            if complete:
                return {role: complete[0] / name for role, name in variant.items()}
    needed = ", or ".join(", ".join(variant.values()) for variant in variants)
    raise InputError(f"{folder} must hold {needed}; there is {_contents(folder)}: unpack the archive there again")


def _contents(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    found = [path for level in ("*", "*/*") for path in folder.glob(level) if path.is_file()]
    files = sorted(path.relative_to(folder) for path in found if not path.name.startswith("."))
    return _names(files) if files else "no file"


def _names(paths: list[Path]) -> str:
    return ", ".join(str(path) for path in paths[:SHOWN]) + (", …" if len(paths) > SHOWN else "")
