"""The provenance of a model: commit, settings, data, packages, machine, time and memory."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from lightxml_core.files import sha256_of
from lightxml_core.training.devices import trainings_per_gpu

_PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "scipy", "scikit-learn", "omikuji", "snakemake")
_ATTEMPTS = ".attempts"  # a line per training that was started and has not finished
_CODE = ("lightxml_core", "workflow_scripts", "rules", "Snakefile", "requirements.lock")


def count_attempt(folder: Path, started: datetime) -> int:
    """Record that a training was started in this folder. Returns the number of attempts, this one included.

    `forget_attempts` starts the count again when a training has finished.
    """
    path = folder / _ATTEMPTS
    with path.open("a", encoding="utf-8") as opened:
        opened.write(f"{started.isoformat()}\n")
    return len(path.read_text(encoding="utf-8").splitlines())


def forget_attempts(folder: Path) -> None:
    """Reset the count of `count_attempt`, because a training has finished."""
    (folder / _ATTEMPTS).unlink(missing_ok=True)


def provenance(
    settings: Mapping[str, Any], inputs: Iterable[Path], model: Path, started: datetime, resumed: bool, attempts: int
) -> dict[str, Any]:
    """The contents of `provenance.json`.

    `wall_seconds`, `cpu_seconds` (over all cores) and `peak_memory_gib` are of the process that finished the training;
    `resumed` says whether an earlier process did a part of it. `attempts` is the number of trainings that were started;
    all but the last failed or were stopped. `model_bytes` is the size of the model's folder, `weights_bytes` that of
    its tensors. `data` maps each input file to its SHA-256.
    """
    return {
        "git_commit": git_commit(),
        "started": started.isoformat(timespec="seconds"),
        "wall_seconds": round((datetime.now(UTC) - started).total_seconds(), 1),
        "cpu_seconds": round(_cpu_seconds(), 1),
        "resumed": resumed,
        "attempts": attempts,
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
        "peak_gpu_memory_gib": _gpu_memory(),
        "model_bytes": sum(path.stat().st_size for path in model.rglob("*") if path.is_file()),
        "weights_bytes": sum(path.stat().st_size for path in model.rglob("*.safetensors")) or None,
        "hardware": hardware(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "settings": dict(settings),
        "data": {str(path): sha256_of(path) for path in inputs},
    }


def git_commit() -> str:
    """The commit of the running code, with `+changes` if the code or the pinned packages differ from it.

    Settings and data do not count as code: a training records its own in full.

    `unknown` if the project's folder is not the root of a repository, if git refuses to read it (for example because
    another user owns it), or if git is not installed.
    """
    project = Path(__file__).parents[2]
    try:
        up, commit = _git(project, "rev-parse", "--show-cdup", "HEAD").split("\n")[:2]
        if up:
            return "unknown"
        changes = _git(project, "status", "--porcelain", "--", *_CODE)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return "unknown"
    return commit + ("+changes" if changes else "")


def hardware() -> dict[str, Any]:
    """CPU model, usable cores, memory in GiB; the GPU's name if one is in use, and how many jobs may share it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    gpu = _gpu()
    shared = {"trainings_per_gpu": trainings_per_gpu()} if gpu else {}
    return {"cpu": _cpu(), "cores": cores, "memory_gib": round(memory, 1), "gpu": gpu, **shared}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _cpu_seconds() -> float:
    """User and system time of this process and of those that it has started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _gpu_memory() -> float | None:
    cuda = _cuda()
    return round(cuda.max_memory_allocated() / 2**30, 3) if cuda else None


def _gpu() -> str | None:
    cuda = _cuda()
    return str(cuda.get_device_name()) if cuda else None


def _cuda() -> Any:
    """`torch.cuda` if this process has imported torch and there is a GPU; else None."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


def _git(folder: Path, *arguments: str) -> str:
    """The output of git for a folder, ignoring a repository named in the environment (as in a hook); read-only."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
