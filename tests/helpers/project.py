"""Helpers for tests of the whole workflow: a copy of the project, a small planted corpus, a call of snakemake."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

from tests.helpers.fork_server import python
from tests.helpers.kernels import compile_library

ROOT = Path(__file__).parents[2]
_GENERATED = shutil.ignore_patterns(
    ".git", ".venv", ".snakemake", "results", "data", "logs", ".*_cache", "*.egg-info", ".hypothesis"
)


def copy_project(folder: Path) -> Path:
    """Copy the project without generated files, except compiled code; tests change and run the copy."""
    compile_library(ROOT)
    shutil.copytree(ROOT, folder, ignore=_GENERATED)
    return folder


def snakemake(folder: Path, *arguments: str, expect: int = 0, cores: int = 1) -> str:
    """Run snakemake in `folder`, assert its exit code and return its output."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python(), "-m", "snakemake", "--cores", str(cores), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == expect, done.stdout[-6000:]
    return done.stdout


def write_attentionxml(folder: Path, documents: int, tests: int, labels: int, seed: int = 0) -> None:
    """Write a learnable corpus in AttentionXML layout: each label has its own words, the others are noise."""
    chance = random.Random(seed)
    folder.mkdir(parents=True)
    for part, count in (("train", documents), ("test", tests)):
        chosen = [sorted({i % labels, chance.randrange(labels)}) for i in range(count)]
        texts = [_text(own, chance) for own in chosen]
        (folder / f"{part}_texts.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        lines = "".join(" ".join(f"label{label}" for label in own) + "\n" for own in chosen)
        (folder / f"{part}_labels.txt").write_text(lines, encoding="utf-8")


def _text(labels: list[int], chance: random.Random) -> str:
    words = [f"topic{label}word{chance.randrange(3)}" for label in labels for _ in range(3)]
    words += [f"noise{chance.randrange(200)}" for _ in range(8)]
    chance.shuffle(words)
    return " ".join(words)
