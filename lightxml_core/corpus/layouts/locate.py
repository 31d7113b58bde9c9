"""Finding the files of a layout where an archive was unpacked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from lightxml_core.errors import InputError

SHOWN = 20


def locate(folder: Path, *variants: Mapping[str, str]) -> dict[str, Path]:
    """Paths of the files of the first variant (role -> file name) that is complete, by role.

    InputError if no folder is complete, or if several on the same level are.
    """
    complete = found_in(folder, *variants)
    if len(complete) > 1:
        folders = [next(iter(files.values())).parent for files in complete]
        raise InputError(f"{folder} holds the files more than once, in {names(folders)}: keep one of them")
    if complete:
        return complete[0]
    raise absent(folder, ", or ".join(", ".join(variant.values()) for variant in variants))


def absent(folder: Path, needed: str) -> InputError:
    """The error that says what a folder must hold, and what it holds."""
    return InputError(f"{folder} must hold {needed}; there is {_contents(folder)}: check the folder and its layout")


def found_in(folder: Path, *variants: Mapping[str, str]) -> list[dict[str, Path]]:
    """The complete sets of files, by role, on the first level that has any: those of the first variant that it has."""
    for inside in levels(folder):
        for variant in variants:
            complete = [path for path in inside if all((path / name).is_file() for name in variant.values())]
            if complete:
                return [{role: path / name for role, name in variant.items()} for path in complete]
    return []


def levels(folder: Path) -> Iterator[list[Path]]:
    """`folder`, then the folders one and two below it, because archives often hold a top folder of their own."""
    for level in ([folder], folder.glob("*"), folder.glob("*/*")):
        yield sorted(path for path in level if path.is_dir())


def _contents(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    found = [path for level in ("*", "*/*", "*/*/*") for path in folder.glob(level) if path.is_file()]
    files = sorted(path.relative_to(folder) for path in found if not path.name.startswith("."))
    return names(files) if files else "no file"


def names(paths: list[Path]) -> str:
    """The paths, or the first of many."""
    return ", ".join(str(path) for path in paths[:SHOWN]) + (", …" if len(paths) > SHOWN else "")
