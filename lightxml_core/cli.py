"""What every command-line program of the project starts with."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lightxml_core.errors import main_guard


def start(main: Callable[[], None]) -> None:
    """Log to stderr, run `main`, tell an expected error in one line and exit with 2."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main_guard(main)
