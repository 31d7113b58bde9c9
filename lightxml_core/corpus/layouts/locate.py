"""Find the files of a layout in an unpacked archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from lightxml_core.errors import InputError

SHOWN = 20


def locate(folder: Path, *variants: Mapping[str, str]) -> dict[str, Path]:
    """Paths by role of the files of the first complete variant (role -> file name).

    InputError if no folder has a complete variant, or if several folders on the same level have one.
    """
    complete = found_in(folder, *variants)
    if len(complete) > 1:
        folders = [next(iter(files.values())).parent for files in complete]
        raise InputError(f"{folder} has the files more than once, in {names(folders)}: keep one of them")
    if complete:
        return complete[0]
    raise missing_files(folder, ", or ".join(", ".join(variant.values()) for variant in variants))


def missing_files(folder: Path, needed: str) -> InputError:
    """The error for a folder without the needed files; it also says what the folder contains."""
    return InputError(f"{folder} must have {needed}; there is {_contents(folder)}: check the folder and its layout")


def found_in(folder: Path, *variants: Mapping[str, str]) -> list[dict[str, Path]]:
    """The complete sets of files by role, on the first level that has any; all are of the first variant found there."""
    for inside in levels(folder):
        for variant in variants:
            complete = [path for path in inside if all((path / name).is_file() for name in variant.values())]
            if complete:
                return [{role: path / name for role, name in variant.items()} for path in complete]
    return []


def levels(folder: Path) -> Iterator[list[Path]]:
    """`folder`, then the folders one and two levels below it, because many archives have a top folder."""
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
