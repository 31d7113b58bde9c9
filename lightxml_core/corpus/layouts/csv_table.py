"""A spreadsheet: comma-separated, with a column `text` and a column `labels`, whose labels have semicolons between."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from scipy.sparse import csr_matrix

from lightxml_core.corpus.labels import documents_without_labels, label_matrices
from lightxml_core.corpus.layouts.locate import locate
from lightxml_core.corpus.leniency import Leniency, refuse
from lightxml_core.corpus.lines import collapse, read_lines
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.errors import InputError

TEST_PERCENT = 20
COLUMNS = ("text", "labels")
VARIANTS = ({"trn": "train.csv", "tst": "test.csv"}, {"all": "documents.csv"})
_Row = tuple[str, list[str]]


def read(folder: Path, rules: Leniency) -> Corpus:
    """Read `train.csv` and `test.csv`, or `documents.csv`.

    Of the latter those are test documents for which the first 32 bits of sha1(text), modulo 100, are below 20: equal
    texts stay together. Other columns are not read. Line breaks in a text count as spaces.
    """
    found = locate(folder, *VARIANTS)
    if "all" in found:
        rows = list(_rows(found["all"], rules))
        parts = [[row for row in rows if _is_test(row[0]) == test] for test in (False, True)]
    else:
        parts = [list(_rows(found[part], rules)) for part in ("trn", "tst")]
    lists = [[own for _, own in part] for part in parts]
    Y_trn, Y_tst, labels = label_matrices(lists[0], lists[1])
    sources = [found.get(part, found.get("all", folder)) for part in ("trn", "tst")]
    trn, tst = (_part(part, Y, source, rules) for part, Y, source in zip(parts, (Y_trn, Y_tst), sources, strict=True))
    return Corpus(trn, tst, labels)


def _part(rows: list[_Row], Y: csr_matrix, source: Path, rules: Leniency) -> Part:
    if not rules.documents_without_labels:
        without = documents_without_labels(Y) + 1
        refuse(source, without, "no label", "documents_without_labels", "document")
    return Part([text for text, _ in rows], Y)


def _is_test(text: str) -> bool:
    return int(hashlib.sha1(text.encode()).hexdigest()[:8], 16) % 100 < TEST_PERCENT


def _rows(source: Path, rules: Leniency) -> Iterator[_Row]:
    """Text, white space collapsed, and labels of each document; InputError for a table that is not as described."""
    csv.field_size_limit(sys.maxsize)
    table = csv.reader((f"{line}\n" for line in read_lines(source)), strict=True)
    header: list[str] = []
    empty: list[int] = []
    try:
        for cells in filter(None, table):
            if not header:
                header = _header(cells, source)
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{source} line {table.line_num}: {len(cells)} cells under {len(header)} columns: put a text that "
                    "holds commas into double quotes"
                )
            text, labels = (cells[header.index(column)] for column in COLUMNS)
            if not collapse(text):
                empty.append(table.line_num)
            yield collapse(text), [label for label in map(collapse, labels.split(";")) if label]
    except csv.Error as error:
        raise InputError(f"{source} line {table.line_num}: {error}: save it again as CSV with UTF-8") from None
    if not rules.empty_texts:
        refuse(source, empty, "empty text", "empty_texts")


def _header(cells: list[str], source: Path) -> list[str]:
    header = [cell.strip().lower() for cell in cells]
    for column in COLUMNS:
        if header.count(column) != 1:
            raise InputError(
                f"{source} line 1: there must be one column {column!r}, and there are {', '.join(header)}: "
                "name the columns, and separate them by commas"
            )
    return header
