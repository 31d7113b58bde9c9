"""The errors that a user or the machine can cause, and how a program tells them."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable


class InputError(Exception):
    """Something outside the program is wrong. The message is one sentence: what, where, what to do."""


_AGAIN = "and start the same command again"
ACCESS = "give this user access, or work in a folder of your own"
_FULL = (errno.ENOSPC, errno.EDQUOT)
# What else the system refuses, whatever the program does: what is wrong, what to do.
_REFUSED = {
    errno.EACCES: ("permission denied", ACCESS),
    errno.EPERM: ("permission denied", ACCESS),
    errno.EROFS: ("the file system is read-only", "work in a folder that can be written"),
    errno.EMFILE: ("too many files are open at once", "raise the limit (ulimit -n)"),
    errno.ENFILE: ("too many files are open on this machine", f"end other programs {_AGAIN}"),
    errno.ENOMEM: ("the memory is full", f"end other programs {_AGAIN}"),
    errno.EAGAIN: ("no further process or thread can be started", "raise the limit (ulimit -u)"),
    errno.EIO: ("the disk does not answer (input/output error)", f"check it {_AGAIN}"),
}
_CLOSED_PIPE = 128 + 13  # what a shell reports of a program that a closed pipe ended
_INTERRUPTED = 128 + 2


def main_guard(main: Callable[[], None]) -> None:
    """Run a command-line program; tell an expected error in one line on stderr and exit with 2.

    A pipe that its reader has closed, and Ctrl-C, end the program without a word. Anything unexpected keeps its
    traceback: it is a bug, and the traceback is the report.
    """
    try:
        main()
        if sys.stdout is not None:
            sys.stdout.flush()  # here, because at the interpreter's end nobody could tell what is wrong with it
    except BrokenPipeError:
        _drop_output()
        sys.exit(_CLOSED_PIPE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:
        told = str(error) if isinstance(error, InputError) else refusal(error)
        if told is None:
            raise
        _drop_output()
        sys.exit(_tell(told))


def refusal(error: BaseException) -> str | None:
    """What the system refused, as one sentence; None for any other error, which is one of the program."""
    if _of_a_full_gpu(error):
        return f"the GPU's memory is full: end what else is on it (nvidia-smi) {_AGAIN}"
    if isinstance(error, UnicodeEncodeError):
        return _unprintable(error)
    if "No usable temporary directory" in str(error):
        return "no temporary folder can be written: set TMPDIR to one that can"
    number, file = _number(error), getattr(error, "filename", None)
    where = os.fsdecode(file) if isinstance(error, OSError) and isinstance(file, str | bytes) else ""
    if number in _FULL:
        return f"the disk is full{f' while writing {where}' if where else ''}: free some space {_AGAIN}"
    if number in _REFUSED:
        what, remedy = _REFUSED[number]
        return f"{where} cannot be read or written: {what}; {remedy}" if where else f"{what}: {remedy}"
    if where and isinstance(error, OSError):
        return f"{where} cannot be read or written: {(error.strerror or str(error)).lower()}"
    return refusal(error.__cause__) if error.__cause__ is not None else None


def _number(error: BaseException) -> int | None:
    """The system's number of an error: libraries in Rust and C++ raise types of their own with its words in them."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    said = str(error)
    if match := re.search(r"\(os error (\d+)\)", said):
        return int(match[1])
    if isinstance(error, OSError) and re.match(r"\d+ requested and \d+ written", said):
        return errno.ENOSPC  # as numpy tells that a file took a part of an array
    if "can't allocate memory" in said:  # as torch does
        return errno.ENOMEM
    if "can't start new thread" in said:
        return errno.EAGAIN
    return next((number for number in _FULL if os.strerror(number) in said), None)


def _unprintable(error: UnicodeEncodeError) -> str | None:
    """Of characters that the output's encoding lacks; UTF-8 has them all, so there it is another error."""
    output = getattr(sys.stdout, "encoding", None)
    if output is None or output.lower().replace("-", "") == "utf8":
        return None
    shown = ascii(error.object[error.start])
    return f"the output's encoding, {output}, has no character {shown}: set PYTHONIOENCODING=utf-8"


def _of_a_full_gpu(error: BaseException) -> bool:
    """By name, so that programs without torch need not load it; its linear algebra has no type for that."""
    return type(error).__name__ == "OutOfMemoryError" or "CUBLAS_STATUS_ALLOC_FAILED" in str(error)


def _drop_output() -> None:
    """Let what is left to print go nowhere where it cannot be printed: the interpreter would try again at its end."""
    try:
        sys.stdout.flush()
    except (OSError, AttributeError, ValueError):
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
