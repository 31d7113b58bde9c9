"""A logger of Snakemake for people: a line as each step starts, with its number and what it makes, and every problem.

`PYTHONPATH=rules/terminal snakemake … --logger steps`. What a step itself prints is not changed.
"""

from __future__ import annotations

import sys
import time
from logging import WARNING, LogRecord
from typing import Any

from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

_WIDTH = 18  # of a rule's name


class LogHandler(LogHandlerBase):
    """Prints to standard error."""

    writes_to_stream, writes_to_file = True, False
    has_filter = has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self._begun, self._steps, self._started = time.monotonic(), 0, 0
        self._whole = DefaultFormatter(show_failed_logs=self.common_settings.show_failed_logs)

    def emit(self, record: LogRecord) -> None:
        """Print the line of an event, if it has one."""
        if line := self._line(record):
            print(line, file=sys.stderr, flush=True)

    def _line(self, record: LogRecord) -> str | None:
        found: Any = record.__dict__
        event = found.get("event")
        if event == LogEvent.RUN_INFO:
            self._steps = int(found["stats"]["total"])
            return f"{self._steps:,} steps"
        if event == LogEvent.PROGRESS:
            self._steps = int(found["total"])
            return f"all {self._steps:,} steps done in {self._passed()}" if found["done"] == self._steps else None
        if event == LogEvent.JOB_INFO:
            self._started += 1
            number = f"{self._started:,}".rjust(len(f"{self._steps:,}"))
            what = found["rule_name"].replace("_", " ").ljust(_WIDTH)
            return f"{self._passed():>7}  [{number} of {self._steps:,}] {what} {_made(found['wildcards'])}".rstrip()
        return self._whole.format(record) if record.levelno >= WARNING else None

    def _passed(self) -> str:
        """Time since the start, as minutes and seconds."""
        minutes, seconds = divmod(round(time.monotonic() - self._begun), 60)
        return f"{minutes}:{seconds:02}"


def _made(wildcards: dict[str, str]) -> str:
    """The values of the wildcards, which name what a step makes."""
    values = {name: value for name, value in wildcards.items() if value}
    seed = values.pop("seed", None)
    return "/".join(values.values()) + (f", seed {seed}" if seed is not None else "")
