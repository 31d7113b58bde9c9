"""Errors caused by the user or the machine, and how a program reports them."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable


class InputError(Exception):
    """Something outside the program is wrong. The message is one sentence: what is wrong, where, and what to do."""


_AGAIN = "and start the same command again"
ACCESS = "give this user access, or work in a folder of your own"
_FULL = (errno.ENOSPC, errno.EDQUOT)
# Other errors of the system that are not bugs: what is wrong, what to do.
_SYSTEM_ERRORS = {
    errno.EACCES: ("permission denied", ACCESS),
    errno.EPERM: ("permission denied", ACCESS),
    errno.EROFS: ("the file system is read-only", "work in a folder that can be written"),
    errno.EMFILE: ("too many files are open at once", "raise the limit (ulimit -n)"),
    errno.ENFILE: ("too many files are open on this machine", f"end other programs {_AGAIN}"),
    errno.ENOMEM: ("the memory is full", f"end other programs {_AGAIN}"),
    errno.EAGAIN: ("no further process or thread can be started", "raise the limit (ulimit -u)"),
    errno.EIO: ("the disk does not respond (input/output error)", f"check it {_AGAIN}"),
}
_CLOSED_PIPE = 128 + 13  # the exit code that shells use for a program ended by a closed pipe
_INTERRUPTED = 128 + 2


def main_guard(main: Callable[[], None]) -> None:
    """Run a command-line program; print an expected error in one line on stderr and exit with 2.

    A pipe closed by its reader and Ctrl-C end the program silently. An unexpected error keeps its traceback, because it
    is a bug.
    """
    try:
        main()
        if sys.stdout is not None:
            sys.stdout.flush()  # here, because an error at the interpreter's exit could not be reported
    except BrokenPipeError:
        _drop_output()
        sys.exit(_CLOSED_PIPE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:
        sentence = str(error) if isinstance(error, InputError) else refusal(error)
        if sentence is None:
            raise
        _drop_output()
        sys.exit(_report(sentence))


def refusal(error: BaseException) -> str | None:
    """An error of the system, such as a full disk, in one sentence; None for any other error, which is a bug."""
    if _is_full_gpu(error):
        return f"the GPU's memory is full: end other programs on it (see nvidia-smi) {_AGAIN}"
    if isinstance(error, UnicodeEncodeError):
        return _unprintable(error)
    if "No usable temporary directory" in str(error):
        return "no temporary folder can be written: set TMPDIR to one that can"
    number, file = _number(error), getattr(error, "filename", None)
    where = os.fsdecode(file) if isinstance(error, OSError) and isinstance(file, str | bytes) else ""
    if number in _FULL:
        return f"the disk is full{f' while writing {where}' if where else ''}: free some space {_AGAIN}"
    if number in _SYSTEM_ERRORS:
        what, remedy = _SYSTEM_ERRORS[number]
        return f"{where} cannot be read or written: {what}; {remedy}" if where else f"{what}: {remedy}"
    if where and isinstance(error, OSError):
        return f"{where} cannot be read or written: {(error.strerror or str(error)).lower()}"
    return refusal(error.__cause__) if error.__cause__ is not None else None


def _number(error: BaseException) -> int | None:
    """The errno of an error. Libraries in Rust and C++ raise their own types, so it is also parsed from messages."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    said = str(error)
    if match := re.search(r"\(os error (\d+)\)", said):
        return int(match[1])
    if isinstance(error, OSError) and re.match(r"\d+ requested and \d+ written", said):
        return errno.ENOSPC  # numpy's message when an array was only partly written
    if "can't allocate memory" in said:  # torch's message
        return errno.ENOMEM
    if "can't start new thread" in said:
        return errno.EAGAIN
    return next((number for number in _FULL if os.strerror(number) in said), None)


def _unprintable(error: UnicodeEncodeError) -> str | None:
    """The error for a character that the output's encoding lacks; None for UTF-8, which lacks no valid character."""
    output = getattr(sys.stdout, "encoding", None)
    if output is None or output.lower().replace("-", "") == "utf8":
        return None
    shown = ascii(error.object[error.start])
    return f"the output's encoding, {output}, has no character {shown}: set PYTHONIOENCODING=utf-8"


def _is_full_gpu(error: BaseException) -> bool:
    """Checked by name, so that torch need not be imported; errors of cuBLAS have no type of their own."""
    return type(error).__name__ == "OutOfMemoryError" or "CUBLAS_STATUS_ALLOC_FAILED" in str(error)


def _drop_output() -> None:
    """Discard output that cannot be printed, because the interpreter would try to print it again at exit."""
    try:
        sys.stdout.flush()
    except (OSError, AttributeError, ValueError):
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
