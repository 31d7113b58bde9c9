"""Start the programs of the tests by forking one process that has imported the large libraries.

Importing torch, transformers and snakemake takes most of the time of a small run. `python()` is an executable that runs
`-m module` of snakemake or of this project in a fork, in the caller's folder, with its environment, arguments and
streams. Anything else it passes on to the real Python.

A fork differs from a process of its own: it has the server's hash seed, OpenMP has one thread, and it is no descendant
of its caller. If the caller is killed, so is the fork. Tests of signals, hash seeds, OpenMP and start-up use
`sys.executable`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_FORKED = ("snakemake", "workflow_scripts.", "lightxml_core", "torch.distributed.run")
_IMPORTED = [
    *("numpy", "scipy.sparse.linalg", "scipy.optimize", "scipy.stats", "numba", "torch", "torch._dynamo", "faiss"),
    *("pandas", "sklearn.feature_extraction.text", "sklearn.linear_model", "omikuji", "tokenizers"),
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "pydantic"),
    *("transformers.masking_utils", "transformers.models.auto.modeling_auto", "accelerate"),
    *("snakemake.cli", "snakemake.profiles", "snakemake.report.html_reporter", "snakemake.storage", "yte", "requests"),
    *(f"transformers.models.{name}.modeling_{name}" for name in ("bert", "roberta", "xlnet")),
]
_CLIENT = """\
import json, os, socket, sys
arguments = sys.argv[2:] if sys.argv[1:2] == ["-u"] else sys.argv[1:]
if arguments[:1] != ["-m"] or not arguments[1].startswith({forked}):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
request = dict(arguments=arguments[1:], folder=os.getcwd(), environment=dict(os.environ))
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"streams"], [0, 1, 2])
    server.sendall(json.dumps(request).encode() + b"\\n")
    answer = server.recv(16)
code = int(answer or 1)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@cache
def python() -> str:
    """The executable that runs programs in forks of a server, which ends with this process.

    Beside it lies `snakemake`.
    """
    folder = TemporaryDirectory(prefix="forks-")
    atexit.register(folder.cleanup)
    address, client, program = (Path(folder.name, name) for name in ("socket", "client.py", "python"))
    client.write_text(_CLIENT.format(python=sys.executable, forked=_FORKED, address=str(address)), encoding="utf-8")
    _write_command(program, sys.executable, "-IS", str(client))
    _write_command(program.with_name("snakemake"), str(program), "-m", "snakemake")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, __file__, str(listener.fileno()), str(program)]
    server = subprocess.Popen(
        command, env={**environment, "OMP_NUM_THREADS": "1"}, stdin=subprocess.PIPE, pass_fds=[listener.fileno()]
    )
    listener.close()
    atexit.register(server.communicate)
    return str(program)


def _write_command(path: Path, *command: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def _serve(listener: socket.socket) -> dict[str, Any]:
    """Wait for requests until the starter has ended. Returns one, in a process of its own that has its streams."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if sys.stdin in ready:
            sys.exit()
        caller, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return _forked(caller)
        caller.close()


def _forked(caller: socket.socket) -> dict[str, Any]:
    """In a fork of the server: fork the program, and answer the caller with its exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _, streams, _, _ = socket.recv_fds(caller, 7, 3)
    with caller.makefile("rb") as lines:
        request = json.loads(lines.readline())
    program = os.fork()
    os.setpgid(program, program)  # by both, whoever comes first; for the program it is (0, 0)
    if program:
        for stream in streams:
            os.close(stream)
        _supervise(program, caller)
    caller.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return dict(request)


def _supervise(program: int, caller: socket.socket) -> None:
    """Answer with the exit code, or kill the program and its processes if the caller is gone. Ends this process."""
    ended = os.pidfd_open(program)
    ready, _, _ = select.select([ended, caller], [], [])
    if ended not in ready:
        os.killpg(program, signal.SIGKILL)
    _, status = os.waitpid(program, 0)
    with suppress(OSError):
        caller.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _run(request: dict[str, Any], paths: list[str]) -> None:
    """Run the module as `python -m` would."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    module, *arguments = request["arguments"]
    own = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [os.getcwd(), *own, *paths]
    sys.argv[:] = [module, *arguments]
    sys.orig_argv[:] = [sys.executable, "-m", *sys.argv]
    importlib.invalidate_caches()
    sys.modules.pop("sitecustomize", None)
    with suppress(ImportError):
        importlib.import_module("sitecustomize")
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        _end(end.code)
    except BaseException:
        traceback.print_exc()
        _end(1)
    _end(0)


def _end(code: object) -> None:
    """End as Python does, but leave the libraries' objects to the system: to take them apart takes half a second."""
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    del sys.path[0]
    _paths = [*sys.path]
    sys.executable = sys.argv[2]
    for _name in _IMPORTED:
        importlib.import_module(_name)
    gc.collect()
    gc.freeze()
    _run(_serve(socket.socket(fileno=int(sys.argv[1]))), _paths)
