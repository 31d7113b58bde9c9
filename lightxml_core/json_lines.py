"""Documents to tag from a stream: a text or a JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

from lightxml_core.errors import InputError

_PIECE = 1 << 16  # bytes


@dataclass(frozen=True)
class Document:
    """A text, and what else its object held to recognise it by: its `id`, if it had one."""

    text: str
    about: dict[str, Any]


def read_documents(stream: BufferedReader) -> Iterator[list[Document]]:
    """The documents of the lines that have arrived, as soon as there are some.

    A line that starts with `{` is a JSON object with `text`, a string. Any other is a text. InputError with the line's
    number for any other object, or for bytes that are not UTF-8, after the documents before it.
    """
    number = 0
    for lines in _arrived(stream):
        documents = list[Document]()
        try:
            for line in lines:
                number += 1
                documents.append(_document(bytes(line), number))
        except InputError:
            yield documents
            raise
        yield documents


def _arrived(stream: BufferedReader) -> Iterator[list[bytearray]]:
    """Lines without their ends; the last one may have none."""
    rest = bytearray()
    while piece := stream.read1(_PIECE):
        rest += piece
        if b"\n" in piece:
            *lines, rest = rest.split(b"\n")
            yield lines
    if rest:
        yield [rest]


def _document(line: bytes, number: int) -> Document:
    where = f"standard input line {number}"
    try:
        text = line.decode("utf-8").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not UTF-8 at byte offset {error.start}: convert the input to UTF-8") from None
    text = text.removeprefix("\ufeff") if number == 1 else text
    if not text.lstrip().startswith("{"):
        return Document(text, {})
    try:
        values = json.loads(text)
        values["text"].encode("utf-8")  # JSON can name half a character
        return Document(values["text"], {"id": values["id"]} if "id" in values else {})
    except (ValueError, KeyError, AttributeError, RecursionError):
        raise InputError(f'{where} is not a JSON object with "text", a string: correct the line') from None
