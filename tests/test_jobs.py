"""Ending what a process has started, whatever it is starting at that moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

# Forty jobs, each a shell that starts its program after a delay of its own, so that some start while they are ended.
_PARENT = """
import subprocess, threading, time
from lightxml_core.jobs import keep_ending_descendants
late = threading.Timer(0.3, lambda: subprocess.run(["sleep", "100"]))
late.start()
jobs = [subprocess.Popen(["bash", "-c", f"sleep 0.{number:03}; sleep 100; true"]) for number in range(0, 400, 10)]
time.sleep(0.1)
keep_ending_descendants()
for job in jobs:
    job.wait()
late.join()
"""


def test_processes_that_start_others_while_they_are_ended_all_end() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], start_new_session=True)
    try:
        assert parent.wait(60) == 0
        assert _gone(parent.pid)
    finally:
        if not _gone(parent.pid, patience=0.0):
            os.killpg(parent.pid, signal.SIGKILL)


def _gone(group: int, patience: float = 5.0) -> bool:
    """Whether no process of the group is left."""
    end = time.monotonic() + patience
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
