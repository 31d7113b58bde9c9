"""A comma-separated table with a column `text` and a column `labels`, in which semicolons separate the labels."""

from __future__ import annotations

import csv
import hashlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lightxml_core.corpus.labels import label_matrices
from lightxml_core.corpus.layouts.layout import Layout
from lightxml_core.corpus.layouts.lists import list_suspicion
from lightxml_core.corpus.layouts.locate import locate
from lightxml_core.corpus.leniency import Leniency, refuse
from lightxml_core.corpus.lines import collapse, read_lines
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.errors import InputError

TEST_PERCENT = 20
COLUMNS = ("text", "labels")
SEPARATOR = ";"
VARIANTS = ({"trn": "train.csv", "tst": "test.csv"}, {"all": "documents.csv"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Row:
    """A document: its first line in the file, its text with white space collapsed, and the cell of its labels."""

    source: Path
    line: int
    text: str
    cell: str

    def labels(self, separator: str) -> list[str]:
        return [label for label in map(collapse, self.cell.split(separator)) if label]


def read(folder: Path, rules: Leniency, separator: str = SEPARATOR) -> Corpus:
    """Read `train.csv` and `test.csv`, or `documents.csv`; `separator` is the text between the labels of a cell.

    A document of `documents.csv` is a test document if the first 32 bits of sha1(text), modulo 100, are below 20, so
    equal texts stay together. Other columns are not read. Line breaks in a text count as spaces. A warning is given if
    cells seem to be lists with another separator.
    """
    found = locate(folder, *VARIANTS)
    tables = {name: list(_rows(path)) for name, path in found.items()}
    for name, rows in tables.items():
        _check(found[name], rows, rules, separator)
    trn, tst = _split(found["all"], tables["all"]) if "all" in found else (tables["trn"], tables["tst"])
    _warn_of_lists([*trn, *tst], separator)
    Y_trn, Y_tst, labels = label_matrices(
        (row.labels(separator) for row in trn), (row.labels(separator) for row in tst)
    )
    return Corpus(Part([row.text for row in trn], Y_trn), Part([row.text for row in tst], Y_tst), labels)


def _check(source: Path, rows: list[_Row], rules: Leniency, separator: str) -> None:
    if not rules.empty_texts:
        refuse(source, [row.line for row in rows if not row.text], "empty text", "empty_texts")
    if not rules.documents_without_labels:
        without = [row.line for row in rows if not row.labels(separator)]
        refuse(source, without, "no label", "documents_without_labels")


def _split(source: Path, rows: list[_Row]) -> tuple[list[_Row], list[_Row]]:
    """The training and the test documents; InputError if one of these parts would be empty."""
    trn, tst = ([row for row in rows if _is_test(row.text) == test] for test in (False, True))
    if rows and not (trn and tst):
        raise InputError(
            f"{source} has too few different texts to be split by a hash of the text: all {len(rows)} documents fall "
            f"into the {'test' if tst else 'training'} part: put {' and '.join(VARIANTS[0].values())} into "
            f"{source.parent} instead"
        )
    return trn, tst


def _is_test(text: str) -> bool:
    return int(hashlib.sha1(text.encode()).hexdigest()[:8], 16) % 100 < TEST_PERCENT


def _warn_of_lists(rows: list[_Row], separator: str) -> None:
    first: dict[str, _Row] = {}
    for row in rows:
        first.setdefault(row.cell.strip(), row)
    first.pop("", None)
    found = list_suspicion(first.keys(), separator)
    if found is not None:
        reason, example = found
        logger.warning("%s line %d: labels such as %r: %s", first[example].source, first[example].line, example, reason)


def _rows(source: Path) -> Iterator[_Row]:
    """The documents; InputError for a table that is not as described."""
    header: list[str] = []
    for line, cells in _records(source):
        if not header:
            header = _header(cells, source, line)
        elif len(cells) != len(header):
            raise InputError(
                f"{source} line {line}: {len(cells)} cells under {len(header)} columns: put a text that has commas "
                "into double quotes"
            )
        else:
            text, labels = (cells[header.index(column)] for column in COLUMNS)
            yield _Row(source, line, collapse(text), labels)


def _records(source: Path) -> Iterator[tuple[int, list[str]]]:
    """The first line number and the cells of each record; blank lines are skipped."""
    csv.field_size_limit(sys.maxsize)
    table = csv.reader((f"{line}\n" for line in read_lines(source)), strict=True)
    while True:
        line = table.line_num + 1
        try:
            cells = next(table, None)
        except csv.Error as error:
            raise InputError(f"{source} line {line}: {error}: save it again as CSV with UTF-8") from None
        if cells is None:
            return
        if cells:
            yield line, cells


def _header(cells: list[str], source: Path, line: int) -> list[str]:
    header = [cell.strip().lower() for cell in cells]
    for column in COLUMNS:
        if header.count(column) != 1:
            raise InputError(
                f"{source} line {line}: there must be one column {column!r}, but the columns are {', '.join(header)}: "
                "name the columns, and separate them by commas"
            )
    return header


LAYOUT = Layout("csv", read, VARIANTS, keys=("separator",))
