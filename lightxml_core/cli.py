"""The common start of every command-line program of the project."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lightxml_core.errors import main_guard


class _Plain(logging.Formatter):
    """Formats only the message, with "warning: " before it for warnings and errors."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{'warning: ' if record.levelno >= logging.WARNING else ''}{super().format(record)}"


def start(main: Callable[[], None]) -> None:
    """Log to stderr and run `main`; print an expected error in one line and exit with 2."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # warns of a missing home directory, which is harmless
    main_guard(main)
