"""Text files as streams of lines.

Only a line feed ends a line. Python's own splitting also breaks lines at U+2028, form feeds and other characters. These
occur inside documents, so every later text would be paired with the wrong labels.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lightxml_core.corpus.leniency import refuse
from lightxml_core.errors import InputError
from lightxml_core.files import open_file

logger = logging.getLogger(__name__)


def read_lines(source: Path, lenient: list[int] | None = None) -> Iterator[str]:
    """Stream the lines of a UTF-8 file without their ends (`\\n` or `\\r\\n`); a byte order mark is skipped.

    InputError (with file, line from 1 and byte offset in the line from 0) for a file that `open_file` refuses, a NUL
    character or a byte that is not UTF-8. If `lenient` is given, lines that are not UTF-8 are read as Latin-1 instead,
    and their numbers are appended to it.
    """
    with open_file(source) as opened:
        for number, line in enumerate(opened, 1):
            text = _decode(line, source, number, lenient)
            if "\0" in text:
                raise InputError(
                    f"{source} line {number} holds a NUL character: remove it, or convert the file to UTF-8"
                )
            yield text.removeprefix("\ufeff") if number == 1 else text


def read_label_list(source: Path) -> list[str]:
    """The lines of a list of labels, white space collapsed.

    Some published lists contain titles with bytes that are not UTF-8. A line with such a byte is read as Latin-1, and
    one warning counts these lines. Otherwise this is `read_lines`.
    """
    lenient: list[int] = []
    lines = [collapse(line) for line in read_lines(source, lenient)]
    if lenient:
        logger.warning(
            "%s: %d of %d lines are not UTF-8 and are read as Latin-1, the first of them line %d",
            *(source, len(lenient), len(lines), lenient[0]),
        )
    return lines


def _decode(line: bytes, source: Path, number: int, lenient: list[int] | None) -> str:
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        if lenient is not None:
            lenient.append(number)
            return line.decode("latin-1")
        raise InputError(
            f"{source} line {number}: the byte 0x{line[error.start]:02x} at byte offset {error.start} is not UTF-8: "
            "convert the file to UTF-8"
        ) from None


def collapse(text: str) -> str:
    """The words of `text`, split at any Unicode white space and joined by single spaces."""
    return " ".join(text.split())


@dataclass(frozen=True)
class TextLines:
    """The documents of a file, one per line, white space collapsed. They are streamed and can be iterated repeatedly.

    The file is checked while it is read, so that a large one is read only once. Iterating to the end raises an
    InputError if the number of lines is not `documents`, which the file `counterpart` states, or if there are empty
    texts without `keep_empty`. `documents` None: any number.
    """

    source: Path
    documents: int | None = None
    counterpart: Path | None = None
    keep_empty: bool = True

    def __iter__(self) -> Iterator[str]:
        number, empty = 0, []
        for number, line in enumerate(read_lines(self.source), 1):
            if self.documents is not None and number > self.documents:
                raise InputError(self._mismatch(f"continues at line {number}", f"ends after {self.documents}"))
            text = collapse(line)
            if not text:
                empty.append(number)
            yield text
        if self.documents is not None and number < self.documents:
            raise InputError(self._mismatch(f"ends after line {number}", f"continues to {self.documents}"))
        if not self.keep_empty:
            refuse(self.source, empty, "empty text", "empty_texts")

    def _mismatch(self, here: str, there: str) -> str:
        return (
            f"{self.source} {here}, but {self.counterpart} {there} documents: "
            "the two must have one line (or row) for each document"
        )
