"""The faults, each a function that breaks a project on purpose and asserts what must be true afterwards.

A function gives the outcome of each stage that it was tried on, or raises AssertionError. `reference` is a project that
was run undisturbed; `work` is an empty folder.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.project import FINAL, MEMBER, STAGES, Running, copied, remove, same_end, tiny_project
from tests.project import snakemake

Outcomes = dict[str, str]
_FINISH = STAGES["evaluate"]
# What each stage leaves, and the stage that reads it next.
_HANDED_OVER = {
    "results/tiny/corpus/X.trn.txt": "build_encoder",
    "results/tiny/corpus/Y.trn.npz": "split_validation",
    "results/tiny/corpus/output-items.txt": "train",
    "results/tiny/corpus/stats.json": "tokenize",
    "results/tiny/corpus/validation.npy": "train",
    "results/tiny/features/tfidf/X.trn.npz": "cluster_labels",
    "results/tiny/clusters/4-0.npz": "train",
    "results/tiny/encoders/scratch-tiny/tokenizer.json": "tokenize",
    "results/tiny/tokens/scratch-tiny-32-plain/trn.ids.npy": "train",
    f"{MEMBER}/model/model.safetensors": "predict",
    f"{MEMBER}/predictions.npz": "ensemble",
    STAGES["ensemble"]: "evaluate",
}


class ImpossibleError(Exception):
    """This machine does not let us inject the fault."""


def killed(reference: Path, work: Path, times: int = 3, stages: Iterable[str] = STAGES) -> Outcomes:
    """`kill -9` of all processes at random moments of each stage, then the same command again."""
    project, chance, found = tiny_project(work / "killed"), random.Random(7), {}
    for stage in stages:
        tries = hits = 0
        while hits < times and tries < 3 * times:
            tries += 1
            running = Running(project, STAGES[stage])
            if running.reaches(stage):
                time.sleep(chance.uniform(0.0, 3.0 if stage == "train" else 0.5))
            hits += running.end(signal.SIGKILL, everyone=True)[0] == -signal.SIGKILL
            remove(project / STAGES[stage])  # where the kill came too late
        snakemake(project, STAGES[stage])
        found[stage] = f"killed {hits} times; same bytes"
    snakemake(project, *FINAL)
    same_end(project, reference)
    return found


def stopped(reference: Path, work: Path, stages: Iterable[str] = STAGES) -> Outcomes:
    """SIGTERM to snakemake, and Ctrl-C to all its processes, in each stage, then the same command again."""
    project, found = tiny_project(work / "stopped"), {}
    for stage in stages:
        for number, everyone in ((signal.SIGTERM, False), (signal.SIGINT, True)):
            running = Running(project, STAGES[stage])
            reached = running.reaches(stage)
            code, said = running.end(number, everyone)
            assert code != 0 or not reached or "100%" in said, f"{stage}: exit 0 after {number}:\n{said}"
        snakemake(project, STAGES[stage])
        found[stage] = "stops, no lock left; same bytes"
    snakemake(project, *FINAL)
    same_end(project, reference)
    return found


def full_disk(reference: Path, work: Path, stages: Iterable[str] = STAGES) -> Outcomes:
    """No space where the results lie, at each stage; then space again."""
    project, found = tiny_project(work / "full"), {}
    with _mounted(project / "results", "size=64m", "-t", "tmpfs", "tmpfs"):
        for stage in stages:
            _prepare(project, stage)
            filler = project / "results/filler"
            _fill(filler)
            said = snakemake(project, STAGES[stage], expect=1)
            assert "the disk is full" in said, f"{stage}: {said[-3000:]}"
            assert not (project / STAGES[stage]).exists(), f"{stage} left something"
            filler.unlink()
            snakemake(project, STAGES[stage])
            found[stage] = "says so, leaves nothing; same bytes"
        snakemake(project, *FINAL)
        same_end(project, reference)
    return found


def truncated(reference: Path, work: Path, files: Iterable[str] = _HANDED_OVER) -> Outcomes:
    """Each file between two stages cut to a half, its time of modification kept."""
    return _damaged(reference, work / "truncated", files, lambda data: data[: len(data) // 2])


def flipped(reference: Path, work: Path, files: Iterable[str] = _HANDED_OVER) -> Outcomes:
    """One bit of each file between two stages turned, its time of modification kept."""

    def turn(data: bytes) -> bytes:
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]

    return _damaged(reference, work / "flipped", files, turn)


def damaged_checkpoint(reference: Path, work: Path) -> Outcomes:
    """One bit of a checkpoint turned between a kill and the run that would go on from it."""
    project = tiny_project(work / "checkpoint")
    _prepare(project, "train")
    last = project / MEMBER / "checkpoint/last.safetensors"
    running = Running(project, STAGES["train"])
    while not last.is_file() and running.process.poll() is None:
        time.sleep(0.02)
    running.end(signal.SIGKILL, everyone=True)
    data = bytearray(last.read_bytes())
    data[-1] ^= 1
    last.write_bytes(data)
    said = snakemake(project, *FINAL)
    assert "last.safetensors is damaged" in said and "starts afresh" in said, said[-3000:]
    same_end(project, reference)
    return {"train": "says so, starts afresh; same bytes"}


def second_run(reference: Path, work: Path) -> Outcomes:
    """A second run started in the same folder while one is going on."""
    project = tiny_project(work / "second")
    first = Running(project, _FINISH)
    assert first.reaches("prepare_corpus")
    said = snakemake(project, _FINISH, expect=1)
    assert "a run is going on" in said and str(first.process.pid) in said, said[-2000:]
    assert first.process.wait(300) == 0, first.said.read_text()[-3000:]
    snakemake(project, *FINAL)
    same_end(project, reference)
    return {"any": "the second is refused by one line that names the first"}


def clock(reference: Path, work: Path) -> Outcomes:
    """Every file's time of modification moved by up to a day, back or ahead, as by a clock that jumps.

    Snakemake stops at a result that is older than what it was made of; `--touch --forceall` sets all times right.
    """
    project, chance = copied(reference, work / "clock"), random.Random(3)
    for path in sorted(path for path in (project / "results").rglob("*") if path.is_file()):
        moved = path.stat().st_mtime + chance.uniform(-86_400, 86_400)
        os.utime(path, (moved, moved))
    remove(project / _FINISH)
    said = snakemake(project, *FINAL, expect=1)
    assert "clock skew" in said, said[-3000:]
    snakemake(project, "--touch", "--forceall", *FINAL)
    snakemake(project, *FINAL)
    same_end(project, reference)
    return {"any": "named as clock skew; same bytes after `snakemake --touch --forceall`"}


def read_only_input(reference: Path, work: Path) -> Outcomes:
    """The user's dataset on a file system that cannot be written."""
    project = tiny_project(work / "read-only")
    corpus = project / "corpus"
    with _mounted(corpus, "bind", str(corpus)), _mounted(corpus, "remount,ro,bind", str(corpus), unmount=False):
        try:
            (corpus / "probe").touch()
        except OSError as error:
            assert error.errno == errno.EROFS
        else:
            raise ImpossibleError("the folder stayed writable")
        snakemake(project, *FINAL)
    same_end(project, reference)
    return {"prepare_corpus": "runs; same bytes"}


def odd_folder(reference: Path, work: Path) -> Outcomes:
    """The project in a folder with spaces, quotes and letters beyond ASCII in its name."""
    project = tiny_project(work / "zwölf große Käse's 資料")
    snakemake(project, *FINAL)
    same_end(project, reference)
    return {"any": "runs; same bytes"}


FAULTS: dict[str, Callable[[Path, Path], Outcomes]] = {
    "kill -9": killed,
    "SIGTERM, Ctrl-C": stopped,
    "full disk": full_disk,
    "truncated file": truncated,
    "flipped bit": flipped,
    "damaged checkpoint": damaged_checkpoint,
    "two runs in a folder": second_run,
    "clock jumps": clock,
    "read-only input": read_only_input,
    "odd folder name": odd_folder,
}


def _prepare(project: Path, stage: str) -> None:
    """Run every stage before this one; what the last stages make stays unmade."""
    before = list(STAGES)[: list(STAGES).index(stage)]
    if before:
        snakemake(project, *(STAGES[name] for name in before))


def _damaged(reference: Path, project: Path, files: Iterable[str], damage: Callable[[bytes], bytes]) -> Outcomes:
    copied(reference, project)
    found: Outcomes = {}
    for name in files:
        reader, file = _HANDED_OVER[name], project / name
        remove(project / STAGES[reader])
        times = file.stat()
        file.write_bytes(damage(file.read_bytes()))
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        said = snakemake(project, STAGES[reader], expect=1)
        told = [line for line in said.splitlines() if line.startswith("error: ") and name in line]
        assert told and "Traceback" not in said, f"{name}, read by {reader}: {said[-3000:]}"
        remove(project / told[0].split("delete ")[1].split(" and run again")[0])
        snakemake(project, STAGES[reader], *FINAL)
        same_end(project, reference)
        found[reader] = "refused by name; same bytes when what it names is deleted"
    return found


def _fill(filler: Path) -> None:
    """Take all the space of a file system."""
    with suppress(OSError), filler.open("wb", buffering=0) as opened:
        while opened.write(b"\0" * 4096):
            pass


@contextmanager
def _mounted(folder: Path, options: str, *what: str, unmount: bool = True) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-o", options, *what, folder], capture_output=True, text=True)
    if done.returncode != 0:
        raise ImpossibleError(f"no right to mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        if unmount:
            subprocess.run(["umount", "-l", folder], check=True)
