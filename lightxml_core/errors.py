"""The errors that a user can cause, and how a program tells them."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable


class InputError(Exception):
    """Something outside the program is wrong. The message is one sentence: what, where, what to do."""


def main_guard(main: Callable[[], None]) -> None:
    """Run a command-line program; tell an expected error in one line on stderr and exit with 2.

    Anything unexpected keeps its traceback: it is a bug, and the traceback is the report.
    """
    try:
        main()
    except InputError as error:
        sys.exit(_tell(str(error)))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" while writing {error.filename}" if error.filename else ""
        sys.exit(_tell(f"the disk is full{where}: free some space and start the same command again"))


def _tell(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
