"""The errors that a user can cause, and how a program tells them."""

from __future__ import annotations

import errno
import os
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
    except Exception as error:
        told = _what_is_full(error)
        if told is None:
            raise
        sys.exit(_tell(told))


def _what_is_full(error: Exception) -> str | None:
    if _of_a_full_gpu(error):
        return "the GPU's memory is full: end what else is on it (nvidia-smi) and start the same command again"
    if not _of_a_full_disk(error):
        return None
    where = f" while writing {error.filename}" if isinstance(error, OSError) and error.filename else ""
    return f"the disk is full{where}: free some space and start the same command again"


def _of_a_full_disk(error: Exception) -> bool:
    """The libraries in Rust, safetensors among them, raise their own types with the system's words in them."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT))


def _of_a_full_gpu(error: Exception) -> bool:
    """By name, so that programs without torch need not load it; its linear algebra has no type for that."""
    return type(error).__name__ == "OutOfMemoryError" or "CUBLAS_STATUS_ALLOC_FAILED" in str(error)


def _tell(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
