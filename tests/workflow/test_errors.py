"""Errors outside the program are reported in one sentence; programs run however they are started."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from lightxml_core.corpus.lines import read_lines
from lightxml_core.definitions.backbone import FolderSource
from lightxml_core.downloads.archives import unpack
from lightxml_core.downloads.fetch import fetch
from lightxml_core.downloads.lock import Lock
from lightxml_core.downloads.mirrors import Mirror
from lightxml_core.downloads.sources import ENCODER_FILES, download_encoder
from lightxml_core.errors import InputError, main_guard
from lightxml_core.features.vector_files import read_vectors
from lightxml_core.files import load_array, load_csr, read_json, save_array, save_csr, write_json, write_text
from tests.helpers.project import ROOT, copy_project, write_attentionxml

PROGRAMS = sorted((ROOT / "workflow_scripts").glob("*.py"))
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"


def told(failing: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    """The line that `main_guard` prints for the failure, with exit code 2; empty if the traceback is kept."""
    with pytest.raises(SystemExit) as ended:
        main_guard(failing)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1
    return said


def raising(error: Exception, cause: Exception | None = None) -> Callable[[], None]:
    def failing() -> None:
        raise error from cause

    return failing


REFUSED = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "read-only",
    errno.EMFILE: "ulimit -n",
    errno.ENFILE: "too many files",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
    errno.ENOMEM: "the memory is full",
    errno.EIO: "the disk does not respond",
}


@pytest.mark.parametrize("number", REFUSED)
def test_system_errors_are_one_sentence_whatever_the_library(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    by_python = OSError(number, os.strerror(number), "a/b")
    for error in (by_python, OSError(number, os.strerror(number)), RuntimeError(f"I/O error (os error {number})")):
        assert REFUSED[number] in told(raising(error), capsys)
    assert "a/b" in told(raising(by_python), capsys)
    assert "a/b" in told(raising(OSError("Matplotlib requires access"), by_python), capsys)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError("16384 requested and 1232 written"), "the disk is full"),  # numpy's message
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"), "memory is full"),
        (MemoryError(), "the memory is full"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "set TMPDIR"),
        (FileExistsError(errno.EEXIST, "File exists", "results"), "results cannot be read or written: file exists"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/b"), "a/b cannot be read or written"),
    ],
)
def test_other_system_errors_are_one_sentence(
    error: Exception, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in told(raising(error), capsys)


@pytest.mark.parametrize(
    "error", [ValueError("a"), OSError("b"), KeyError("c"), UnicodeEncodeError("utf-8", "é", 0, 1, "d")]
)
def test_a_bug_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)):
        main_guard(raising(error))


def program(code: str, output: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` as the `main` of a program in a shell, with its output redirected by `output`."""
    lines = f"from lightxml_core.cli import start\ndef main():\n    {code}\nstart(main)"
    command = f'"$0" -c "$1" {output}; exit ${{PIPESTATUS[0]}}'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, lines],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_a_closed_pipe_ends_a_program_silently() -> None:
    for text in ("x", "x" * 10**6):  # printed at the end, and before it
        done = program(f"print('{text[:1]}' * {len(text)}); import time; time.sleep(0.1)", "| true")
        assert done.returncode != 0 and done.stderr == ""


def test_an_output_that_cannot_be_written_is_reported_in_one_line() -> None:
    for code in ("print('x')", "print('x' * 10**6)"):
        done = program(code, "> /dev/full")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "error: the disk is full" in done.stderr
    done = program("print('caf\\xe9')", "| cat", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "PYTHONIOENCODING=utf-8" in done.stderr


def unprivileged(*command: str | Path, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program that is subject to file permissions: root's capabilities are dropped."""
    away = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []
    return subprocess.run(
        [*away, *command], capture_output=True, text=True, cwd=folder, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("denied", ["data", "out"])
def test_files_of_another_user_are_named(tmp_path: Path, denied: str) -> None:
    write_text(tmp_path / "data/documents.csv", "text,labels\n" + "".join(f"words {i},a;b\n" for i in range(40)))
    (tmp_path / "out").mkdir()
    path = tmp_path / ("data/documents.csv" if denied == "data" else "out")
    path.chmod(0)
    command = [sys.executable, "-m", "workflow_scripts.prepare_corpus", "--layout", "csv", "--dataset", "mine"]
    done = unprivileged(*command, "--raw", tmp_path / "data", "--out", tmp_path / "out")
    path.chmod(0o700)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert str(path) in done.stderr and "permission denied" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("folder", ["results", "logs"])
def test_a_folder_of_another_user_ends_a_run_before_any_job(tmp_path: Path, folder: str) -> None:
    project = copy_project(tmp_path / "project")
    write_attentionxml(tmp_path / "corpus", documents=20, tests=10, labels=4)
    definition = "title: Tiny\nsource: {folder: ../corpus, layout: attentionxml}\n"
    (project / "datasets/tiny.yaml").write_text(definition)
    (project / folder).mkdir(mode=0o500)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "results/tiny/corpus/stats.json"]
    done = unprivileged(*command, folder=project, XDG_CACHE_HOME=str(tmp_path / "cache"))
    said = done.stderr.splitlines()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"error: {project / folder} cannot be written by this user" in said[-1], done.stderr
    assert [path for name in ("results", "logs") for path in (project / name).rglob("*")] == []


def test_figures_need_no_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    code = "from lightxml_core.cli import start; start(lambda: __import__('lightxml_core.reporting.figures.drawing'))"
    for where in (home, Path("/proc/none")):
        done = unprivileged(sys.executable, "-c", code, HOME=str(where), MPLCONFIGDIR="", XDG_CONFIG_HOME="")
        assert (done.returncode, done.stderr) == (0, "")


# A user's own files: the messages fit them


def _encoder(file: Path) -> Callable[[Path], object]:
    def read(source: Path) -> object:
        for name in set(ENCODER_FILES) - {file.name}:
            write_text(source.parent / name, "{}")
        return download_encoder(FolderSource(folder=str(source.parent)), Path("none"), source.parent / "made")

    return read


READERS: dict[str, Callable[[Path], object]] = {
    "texts.txt": lambda source: list(read_lines(source)),
    "Y.npz": load_csr,
    "a.npy": load_array,
    "a.json": read_json,
    "vectors.txt": lambda source: read_vectors(source, {"version"}),
    "a.zip": lambda source: unpack(source, source.with_name("unpacked")),
    "a.tar.gz": lambda source: fetch([Mirror("file:///none")], source, Lock(source.with_name("lock.json"))),
    **{name: _encoder(Path(name)) for name in ENCODER_FILES},
}
STATES: dict[str, tuple[Callable[[Path], object], str]] = {
    "pointer": (
        lambda source: source.write_text(POINTER),
        r"is a Git LFS pointer.*: run `git lfs pull`",
    ),
    "folder": (lambda source: source.mkdir(), "is a folder"),
    "damaged": (lambda source: source.write_bytes(b"\xff\xfe\x00"), "."),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", READERS)
def test_no_message_advises_to_delete_a_users_file(tmp_path: Path, name: str, state: str) -> None:
    put, expected = STATES[state]
    put(tmp_path / name)
    with pytest.raises(InputError, match=expected) as caught:
        READERS[name](tmp_path / name)
    said = str(caught.value)
    assert (name in said or state == "damaged") and not any(word in said for word in ("delete", "remove", "the rule"))
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("record", [".sha256", ".{name}.sha256"])
def test_seals_are_ignored_among_a_users_own_files(tmp_path: Path, record: str) -> None:
    write_text(tmp_path / "texts.txt", "one\n")
    write_text(tmp_path / "vectors.txt", "one 1 2\n")
    write_json(tmp_path / "a.json", 1)
    save_array(tmp_path / "a.npy", np.arange(2))
    save_csr(tmp_path / "Y.npz", sparse.csr_matrix(np.eye(2)))
    for name in ("texts.txt", "vectors.txt", "a.json", "a.npy", "Y.npz"):
        (tmp_path / record.format(name=name)).write_text(f"DEADBEEF  {name}\n")
        if name == "vectors.txt":
            assert set(read_vectors(tmp_path / name, {"one"})) == {"one"}
        else:
            READERS[name](tmp_path / name)


# However a program is started


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_programs_import_the_library_first(path: Path) -> None:
    first = next(node for node in ast.parse(path.read_text(encoding="utf-8")).body if not isinstance(node, ast.Expr))
    assert isinstance(first, ast.ImportFrom) and first.module == "lightxml_core.cli"


def test_programs_can_be_started_by_their_path(tmp_path: Path) -> None:
    """Two of them have names of Python's own modules, and one imports modules that need these."""
    for name in ("select", "tokenize", "train"):
        command = [sys.executable, str(ROOT / "workflow_scripts" / f"{name}.py"), "--help"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == 0 and done.stdout.startswith(f"usage: {name}.py"), done.stderr
