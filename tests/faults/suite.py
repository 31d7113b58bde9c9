"""The faults, each a function that breaks a project on purpose and asserts what must be true afterwards.

A function gives the outcome of each stage (or file) that it was tried on, or raises AssertionError. `reference` is a
project that was run undisturbed, whose folder the faults use one after the other.
"""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

from tests.faults.project import (
    FINAL,
    MEMBER,
    STAGES,
    Reference,
    Running,
    describe_source,
    pack,
    remove,
    tiny_project,
)
from tests.helpers.project import snakemake

Outcomes = dict[str, str]
_END = [*FINAL, STAGES["report"]]
# What each stage leaves, and a stage that reads it.
HANDED_OVER = {
    "data/tiny/source.json": "prepare_corpus",
    "data/tiny/raw/{any}": "prepare_corpus",
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
    f"{MEMBER}/training.jsonl": "figures",
    f"{MEMBER}/provenance.json": "tables",
    f"{MEMBER}/predictions.npz": "ensemble",
    f"{MEMBER}/prediction.json": "tables",
    STAGES["ensemble"]: "evaluate",
    STAGES["evaluate"]: "tables",
    STAGES["select"]: "tables",
    STAGES["select"].replace("selection", "tables"): "report",
    f"{STAGES['figures']}/precision.svg": "report",
}

# All that a stage makes, where that is more than what STAGES names.
_WHOLE = {
    "download_dataset": "data/tiny",
    "prepare_corpus": "results/tiny/corpus",
    "build_features": "results/tiny/features",
    "tables": str(Path(STAGES["tables"]).parent),
}


class ImpossibleError(Exception):
    """The fault cannot be injected on this machine."""


def killed(reference: Reference, stages: Iterable[str] = STAGES) -> Outcomes:
    """`kill -9` of all processes at random moments of each stage, each time the same command again."""
    project, chance, found = reference.fresh(), random.Random(7), {}
    for stage in stages:
        tries, hits, times, span = 0, 0, *((4, 3.0) if stage == "train" else (2, 1.5))
        _unmake(project, stage)  # where it was made on the way to an earlier one
        while hits < times and tries < 3 * times:
            tries += 1
            running = Running(project, *_END, forked=True)
            if not running.reaches(stage):  # it was whole already, whether or not snakemake had said so before the kill
                assert running.end(signal.SIGKILL, everyone=True) == 0, f"{stage}: {running.said[-3000:]}"
                _unmake(project, stage)
                continue
            time.sleep(chance.uniform(0.0, span))
            ended = running.end(signal.SIGKILL, everyone=True) != -signal.SIGKILL
            hits += not (ended or running.finished(stage))
            if running.finished(stage):
                _unmake(project, stage)  # the kill came too late: once more, and sooner
                span /= 2
        found[stage] = f"killed {hits} times; same bytes"
    snakemake(project, *_END)
    reference.same_end()
    return found


def _unmake(project: Path, stage: str) -> None:
    """Remove the outputs of a stage and of those after it; otherwise snakemake would not make its output again."""
    for later in list(STAGES)[list(STAGES).index(stage) :]:
        remove(project / STAGES[later])


def stopped(reference: Reference, stages: Iterable[str] = STAGES) -> Outcomes:
    """SIGTERM to snakemake, and Ctrl-C to all its processes, in each stage, then the same command again."""
    project, found = reference.finished(), {}
    for stage in stages:
        for number, everyone in ((signal.SIGTERM, False), (signal.SIGINT, True)):
            _stop_within(project, stage, number, everyone)
        found[stage] = "stops at once and leaves no process and no lock; same bytes"
    snakemake(project, *_END)
    reference.same_end()
    return found


def _stop_within(project: Path, stage: str, number: int, everyone: bool, tries: int = 5) -> None:
    """Stop a run while it is in a stage; a stage that had finished before is run again."""
    for _ in range(tries):
        running = Running(project, STAGES[stage], "--forcerun", stage)  # it may be there
        assert running.reaches(stage), f"{stage} was not reached: {running.said[-3000:]}"
        code = running.end(number, everyone)
        assert running.left_nothing_running(), f"{stage}: processes are left after {number}"
        assert not list((project / ".snakemake/locks").glob("*")), f"{stage}: a lock is left after {number}"
        if not running.finished(stage):
            assert code != 0, f"{stage}: exit 0 after {number}:\n{running.said}"
            return
    raise AssertionError(f"{stage} was over each time before signal {number} came:\n{running.said[-3000:]}")


def full_disk(reference: Reference, stages: Iterable[str] = STAGES) -> Outcomes:
    """Space where the results lie for half of what each stage makes, so that it ends while the stage writes."""
    project, found = reference.fresh(), {}
    with _mounted(project / "results", "size=64m", "-t", "tmpfs", "tmpfs"), ExitStack() as stack:
        stack.enter_context(_mounted(project / "data", "size=64m", "-t", "tmpfs", "tmpfs"))
        for stage in stages:
            _prepare(project, stage)
            filler = project / Path(STAGES[stage]).parts[0] / "filler"
            half = _size(reference.made / _WHOLE.get(stage, STAGES[stage])) // 2
            _fill(filler, half)
            said = snakemake(project, STAGES[stage], expect=1)
            assert "the disk is full" in said and "Traceback" not in said, f"{stage}: {said[-3000:]}"
            assert not (project / STAGES[stage]).exists(), f"{stage} left something"
            filler.unlink()
            found[stage] = f"reports it after at most {max(half, 4096):,} bytes, leaves no output; same bytes"
        snakemake(project, *_END)
        reference.same_end()
    return found


def truncated(reference: Reference) -> Outcomes:
    """Each file between two stages cut to a half, its time of modification kept."""
    return damaged(reference, HANDED_OVER, cut)


def flipped(reference: Reference) -> Outcomes:
    """One bit of each file between two stages turned, its time of modification kept."""
    return damaged(reference, HANDED_OVER, turn)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def turn(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def damaged_checkpoint(reference: Reference) -> Outcomes:
    """One bit of a checkpoint turned between a kill and the run that would go on from it."""
    project = reference.finished()
    remove(project / MEMBER)
    last = project / MEMBER / "checkpoint/last.safetensors"
    running = Running(project, STAGES["train"])
    while not last.is_file() and running.process.poll() is None:
        time.sleep(0.02)
    running.end(signal.SIGKILL, everyone=True)
    data = bytearray(last.read_bytes())
    data[-1] ^= 1
    last.write_bytes(data)
    said = snakemake(project, *FINAL)
    assert "last.safetensors is damaged" in said and "starts from scratch" in said, said[-3000:]
    reference.same_end()
    return {"train": "reported, training starts again; same bytes"}


def broken_downloads(reference: Reference) -> Outcomes:
    """A server that breaks off at random, up to four times in five, and answers 503 now and then."""
    project, chance = reference.fresh(), random.Random(5)
    definition = project / "datasets/tiny.yaml"
    described = definition.read_text(encoding="utf-8")
    archive = (project / "tiny.tar.gz").read_bytes()
    layout = "pecos" if "pecos" in described else "attentionxml"
    with _breaking_server(archive, chance) as (address, broken):
        try:
            describe_source(project, f"{address}/tiny.tar.gz", layout)
            runs = _until_done(project, STAGES["download_dataset"])
        finally:
            definition.write_text(described, encoding="utf-8")
    assert broken, "the server never broke off"
    assert (project / "data/tiny/archives/tiny.tar.gz").read_bytes() == archive
    snakemake(project, STAGES["prepare_corpus"], "--rerun-triggers", "mtime")
    corpus = (project / STAGES["prepare_corpus"]).parent
    reference.same(path.relative_to(project) for path in corpus.glob("[XY].*"))  # the rest names the address
    return {"download_dataset": f"{len(broken)} answers interrupted, complete after {runs} runs; same bytes"}


def _until_done(project: Path, target: str, most: int = 8) -> int:
    """Run until a target exists; each failed run must report the fault in one line."""
    for number in range(1, most + 1):
        running = Running(project, target, forked=True)
        if running.process.wait(300) == 0:
            return number
        assert "error: no copy of tiny can be used" in running.said and "Traceback" not in running.said, running.said
    raise AssertionError(f"not downloaded after {most} runs")


def second_run(reference: Reference) -> Outcomes:
    """A second run started in the same folder while one is going on."""
    project = reference.finished()
    _unmake(project, "train")
    first = Running(project, *FINAL)
    assert first.reaches("train")
    said = snakemake(project, *FINAL, expect=1)
    assert "a run is going on" in said and str(first.process.pid) in said, said[-2000:]
    assert first.process.wait(900) == 0, first.said[-3000:]
    reference.same_end()
    return {"any": "the second is refused with one line that names the first"}


def clock(reference: Reference) -> Outcomes:
    """Every file's time of modification moved by up to a day, back or ahead, as by a clock that jumps.

    Snakemake stops at a result that is older than what it was made of; `--touch --forceall` sets all times right.
    """
    project, chance = reference.finished(), random.Random(3)
    for path in sorted(path for name in ("results", "data") for path in (project / name).rglob("*") if path.is_file()):
        moved = path.stat().st_mtime + chance.uniform(-86_400, 86_400)
        os.utime(path, (moved, moved))
    remove(project / STAGES["evaluate"])
    said = snakemake(project, *FINAL, expect=1)
    assert "clock skew" in said, said[-3000:]
    snakemake(project, "--touch", "--forceall", *FINAL)
    snakemake(project, *FINAL)
    reference.same_end()
    return {"any": "reported as clock skew; same bytes after `snakemake --touch --forceall`"}


def clock_in_training(reference: Reference) -> Outcomes:
    """The clock that a training reads, wall and monotonic, jumps by hours at every reading, back and ahead."""
    project = reference.fresh()
    _prepare(project, "train")
    jumping = project / "jumping"
    jumping.mkdir(exist_ok=True)
    (jumping / "sitecustomize.py").write_text(_JUMPING, encoding="utf-8")
    try:
        os.environ["PYTHONPATH"], before = str(jumping), os.environ.get("PYTHONPATH")
        said = snakemake(project, STAGES["train"])
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
        remove(jumping)
    assert "Traceback" not in said
    snakemake(project, *FINAL)
    reference.same_end()
    return {"train": "time.time, time.monotonic, time.perf_counter jump by up to 10 hours; same bytes"}


_JUMPING = """\
import random, sys, time
if any("workflow_scripts" in argument for argument in sys.orig_argv):
    chance = random.Random(1)
    for name in ("time", "monotonic", "perf_counter"):
        def jumping(real=getattr(time, name)):
            return real() + chance.uniform(-36000, 36000)
        setattr(time, name, jumping)
"""


def read_only_input(reference: Reference) -> Outcomes:
    """The user's dataset, here a folder and no archive, on a file system that cannot be written."""
    project = reference.fresh()
    definition, corpus = project / "datasets/tiny.yaml", project / "unpacked"
    described = definition.read_text(encoding="utf-8")
    shutil.copytree(reference.made / "data/tiny/raw", corpus)
    layout = "pecos" if "pecos" in described else "attentionxml"
    definition.write_text(f"title: Tiny\nsource: {{folder: unpacked, layout: {layout}}}\nvalidation: 20\n")
    try:
        with _mounted(corpus, "bind", str(corpus)), _mounted(corpus, "remount,ro,bind", str(corpus), unmount=False):
            _require_read_only(corpus)
            snakemake(project, *FINAL)
        reference.same_end()
    finally:
        definition.write_text(described, encoding="utf-8")
        remove(corpus)
    return {"prepare_corpus": "runs; same bytes"}


def _require_read_only(folder: Path) -> None:
    try:
        (folder / "probe").touch()
    except OSError as error:
        assert error.errno == errno.EROFS
    else:
        raise ImpossibleError("the folder stayed writable")


def removed(reference: Reference, files: Iterable[str] = HANDED_OVER) -> Outcomes:
    """One file of a finished target after the other removed, and the folder that holds it, then the same command."""
    project, found = reference.finished(), {}
    snakemake(project, "tiny")
    before = sorted(path.relative_to(project) for path in (project / "results").rglob("*"))
    for name in files:
        if not name.startswith("results/"):
            continue
        for path in (project / name, (project / name).parent):
            remove(path)
            snakemake(project, "tiny")
            assert sorted(path.relative_to(project) for path in (project / "results").rglob("*")) == before, path
        found[f"{HANDED_OVER[name]}: `{name}`"] = "made again, like its folder; same bytes"
    reference.same_end()
    return found


def odd_folder(reference: Reference) -> Outcomes:
    """The project in a folder with spaces, quotes and letters beyond ASCII in its name."""
    archive = reference.project / "tiny.tar.gz"
    of_pecos = "pecos" in (reference.project / "datasets/tiny.yaml").read_text(encoding="utf-8")
    folder = reference.project.parent / "zwölf große Käse's 資料"
    try:
        project = tiny_project(folder, archive if of_pecos else None)
        snakemake(project, *_END)
        reference.same_end(project)
    finally:
        remove(folder)
    return {"any": "runs; same bytes"}


FAULTS: dict[str, Callable[[Reference], Outcomes]] = {
    "kill -9": killed,
    "SIGTERM, Ctrl-C": stopped,
    "full disk": full_disk,
    "truncated file": truncated,
    "flipped bit": flipped,
    "damaged checkpoint": damaged_checkpoint,
    "unreliable server": broken_downloads,
    "two runs in a folder": second_run,
    "clock jumps, between stages": clock,
    "clock jumps, in a stage": clock_in_training,
    "read-only input": read_only_input,
    "removed file": removed,
    "odd folder name": odd_folder,
}


def _prepare(project: Path, stage: str) -> None:
    """Run every stage before this one, and no other."""
    before = list(STAGES)[: list(STAGES).index(stage)]
    if before:
        snakemake(project, *(STAGES[name] for name in before))


def damaged(reference: Reference, files: Iterable[str], *damages: Callable[[bytes], bytes]) -> Outcomes:
    """Damage one file after the other in each way; at the end remove all files named in the messages, and run."""
    found, named = {}, set()
    for name, damage in product(files, damages):
        project, reader = reference.finished(), HANDED_OVER[name]
        file = _existing(project, name)
        shown, times = str(file.relative_to(project)), file.stat()
        remove(project / STAGES[reader])
        file.write_bytes(damage(file.read_bytes()))
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        said = snakemake(project, STAGES[reader], expect=1)
        told = [line for line in said.splitlines() if line.startswith("error: ") and shown in line]
        assert told and "Traceback" not in said, f"{shown}, read by {reader}: {said[-3000:]}"
        named.add(told[0].split("move ")[1].split(" away and run again")[0])
        found[f"{reader}: `{shown}`"] = "refused by name; same bytes after the named files are moved away"
    project = reference.finished()
    for path in named:
        remove(project / path)
    snakemake(project, *_END)
    reference.same_end()
    return found


def _existing(project: Path, name: str) -> Path:
    """The file of that name; `{any}` is the first file of a folder."""
    if not name.endswith("{any}"):
        return project / name
    return min(path for path in (project / name).parent.iterdir() if not path.name.startswith("."))


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _fill(filler: Path, left: int) -> None:
    """Take all the space of a file system but `left` bytes, rounded down to pages."""
    with suppress(OSError), filler.open("wb", buffering=0) as opened:
        while opened.write(b"\0" * 4096):
            pass
    with filler.open("r+b") as opened:
        opened.truncate(max(0, filler.stat().st_size - left // 4096 * 4096))


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


@contextmanager
def _breaking_server(content: bytes, chance: random.Random) -> Iterator[tuple[str, list[int]]]:
    """A server of one file, and the places where it broke off so far."""
    broken: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            begin = int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, 0])[1])
            if chance.random() < 0.1:
                return self.send_error(503)
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(content) - begin))
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            end = len(content) if chance.random() < 0.2 else chance.randrange(begin, len(content))
            if end < len(content):
                broken.append(end)
            self.wfile.write(content[begin:end])
            return None

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", broken
    finally:
        server.shutdown()


def pecos_archive(corpus: Path, archive: Path) -> Path:
    """A stored corpus as an archive of PECOS's layout."""
    names = ("X.trn.txt", "X.tst.txt", "Y.trn.npz", "Y.tst.npz", "output-items.txt")
    return pack([corpus / name for name in names], archive)
