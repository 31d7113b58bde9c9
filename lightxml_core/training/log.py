"""The training log, one JSON object per line, and progress lines on the terminal."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from lightxml_core.training.processes import team


class TrainingLog:
    """Appends lines to `training.jsonl`; on resume, drops those written after the checkpoint.

    Every line has `kind` (`step`, `epoch` or `phase`) and `step`, the optimiser steps done so far.
    """

    def __init__(self, path: Path, upto: float | None) -> None:
        """upto: keep the lines of the first `upto` steps; None starts an empty log.

        `steps` is the last step kept, or 0. Of several processes only the first writes.
        """
        path = path if team().first else Path(os.devnull)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [] if upto is None else [line for line in _lines(path) if line["step"] <= upto]
        self.steps: int = max((line["step"] for line in kept), default=0)
        path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        self._file: TextIO = path.open("a", encoding="utf-8")

    def write(self, kind: str, step: int, **values: Any) -> None:
        """Append one line and flush it, so that it is in the file even if the program is killed right after."""
        self._file.write(json.dumps({"kind": kind, "step": step, **values}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; nothing may be written afterwards."""
        self._file.close()


def _lines(path: Path) -> list[dict[str, Any]]:
    """The intact lines of a log; a line that is damaged or cut short by a crash is dropped."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        with suppress(json.JSONDecodeError):
            line = json.loads(text)
            if isinstance(line, dict) and isinstance(line.get("step"), int):
                lines.append(line)
    return lines


class Progress:
    """Prints documents done, rate, loss and remaining time, at most once every few seconds.

    It prints nothing about what takes less than a second.
    """

    def __init__(self, title: str, total: int, done: int = 0, every: float = 10.0, unit: str = "documents") -> None:
        """total, done: documents (or another `unit`) of the whole training run. every: seconds between lines."""
        self.title, self.total, self.done, self.start_done, self.unit = title, total, done, done, unit
        self.every = 1.0 if sys.stderr.isatty() else every
        self.started = self.last = time.monotonic()

    def advance(self, documents: int, note: str) -> float:
        """Count documents and report; returns documents per second since the start."""
        self.done += documents
        now = time.monotonic()
        rate = (self.done - self.start_done) / max(now - self.started, 1e-9)
        at_end = self.done >= self.total and now - self.started >= 1.0
        if team().first and (now - self.last >= self.every or at_end):
            self.last = now
            left = (self.total - self.done) / rate
            share = 100 * self.done / self.total
            sys.stderr.write(f"{self.title}  {share:3.0f}%  {rate:,.0f} {self.unit}/s  {note}  {_clock(left)} left\n")
            sys.stderr.flush()
        return rate


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
