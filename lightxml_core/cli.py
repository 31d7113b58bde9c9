"""The common start of every command-line program of the project, which imports it before anything else."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable

from lightxml_core.errors import main_guard

_PROGRAMS = ("lightxml_core", "workflow_scripts")


def _end_silently_on_interrupt() -> bool:
    """Until `start`, let Ctrl-C end the program without a traceback, such as while it imports its libraries.

    Returns whether this changed anything: not in programs of others, nor where interrupts are handled already.
    """
    of_project = getattr(sys.modules["__main__"], "__package__", None) in _PROGRAMS
    if not of_project or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return False
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return True


_interrupt_changed = _end_silently_on_interrupt()


class _Plain(logging.Formatter):
    """Formats only the message, with "warning: " before it for warnings and errors."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{'warning: ' if record.levelno >= logging.WARNING else ''}{super().format(record)}"


def start(main: Callable[[], None]) -> None:
    """Log to stderr and run `main`; print an expected error in one line and exit with 2."""
    if _interrupt_changed:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # warns of a missing home directory, which is harmless
    main_guard(main)
