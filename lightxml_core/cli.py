"""What every command-line program of the project starts with."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lightxml_core.errors import main_guard


class _Plain(logging.Formatter):
    """The message alone, with a word before it if it is a warning."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{'warning: ' if record.levelno >= logging.WARNING else ''}{super().format(record)}"


def start(main: Callable[[], None]) -> None:
    """Log to stderr, run `main`, tell an expected error in one line and exit with 2."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # warns of a home directory that it does without
    main_guard(main)
