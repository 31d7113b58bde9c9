"""The processes that a run of snakemake has started, ended with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil


def end_descendants() -> None:
    """Terminate every process that this one has started, directly or through others."""
    for process in list(_suspended(psutil.Process())):
        with suppress(psutil.NoSuchProcess):
            process.terminate()
            process.resume()


def _suspended(process: psutil.Process) -> Iterator[psutil.Process]:
    """All descendants, each suspended before its children are listed: a child started later would be missed."""
    with suppress(psutil.NoSuchProcess):
        for child in process.children():
            with suppress(psutil.NoSuchProcess):
                child.suspend()
                yield child
            yield from _suspended(child)


def keep_ending_descendants(seconds: float = 0.1) -> None:
    """Terminate every descendant now, and those that other threads of this process start until it ends."""
    end_descendants()
    threading.Thread(target=_forever, args=(seconds,), daemon=True).start()


def _forever(seconds: float) -> None:
    while True:
        time.sleep(seconds)
        end_descendants()
