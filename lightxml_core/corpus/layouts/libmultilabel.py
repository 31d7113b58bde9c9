"""The layout of LibMultiLabel: a document a line, `[ID tab] labels tab text`, blanks between the labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lightxml_core.corpus.labels import label_matrices
from lightxml_core.corpus.layouts.locate import locate
from lightxml_core.corpus.layouts.shipped import ShippedFiles
from lightxml_core.corpus.leniency import Leniency, refuse
from lightxml_core.corpus.lines import collapse, read_lines
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.errors import InputError

FILES = {"trn": "train.txt", "tst": "test.txt"}
SHIPPED = (ShippedFiles("train_tfidf.svm", "test_tfidf.svm"),)
_COLUMNS = {2: "labels and text", 3: "an ID, labels and text"}


def read(folder: Path, rules: Leniency) -> Corpus:
    """Read `train.txt` and `test.txt`. IDs are not read; a file has one on every line or on none.

    Labels are those of both parts, sorted as strings. Lines of white space alone are skipped.
    """
    found = locate(folder, FILES)
    trn, tst = (_Texts(found[part], rules.empty_texts) for part in FILES)
    numbers: dict[str, list[int]] = {part: [] for part in FILES}
    Y_trn, Y_tst, labels = label_matrices(
        _label_lists(trn.source, numbers["trn"]), _label_lists(tst.source, numbers["tst"])
    )
    if not rules.documents_without_labels:
        for texts, Y, lines in ((trn, Y_trn, numbers["trn"]), (tst, Y_tst, numbers["tst"])):
            without = np.array(lines, np.int64)[np.diff(Y.indptr) == 0]
            refuse(texts.source, without, "no label", "documents_without_labels")
    return Corpus(Part(trn, Y_trn), Part(tst, Y_tst), labels)


def _label_lists(source: Path, numbers: list[int]) -> Iterator[list[str]]:
    """The labels of each document; the numbers of their lines are appended to `numbers`."""
    for number, labels, _ in _documents(source):
        numbers.append(number)
        yield labels.split()


@dataclass(frozen=True)
class _Texts:
    """The texts of a file, streamed; InputError at its end if there are empty ones and not `keep_empty`."""

    source: Path
    keep_empty: bool

    def __iter__(self) -> Iterator[str]:
        empty = []
        for number, _, text in _documents(self.source):
            text = collapse(text)
            if not text:
                empty.append(number)
            yield text
        if not self.keep_empty:
            refuse(self.source, empty, "empty text", "empty_texts")


def _documents(source: Path) -> Iterator[tuple[int, str, str]]:
    """Line number from 1, labels and text of each document."""
    first = columns = 0
    for number, line in enumerate(read_lines(source), 1):
        if not line.strip():
            continue
        fields = line.split("\t")
        first, columns = (first, columns) if first else (number, len(fields))
        if len(fields) != columns or columns not in _COLUMNS:
            raise InputError(_unlike(source, number, len(fields), first, columns))
        yield number, fields[-2], fields[-1]


def _unlike(source: Path, number: int, found: int, first: int, columns: int) -> str:
    where = f"{source} line {number} has {found} column{'s' * (found != 1)} between tabs"
    if columns in _COLUMNS:
        where += f", but line {first} has {columns} ({_COLUMNS[columns]})"
    return (
        f"{where}: write `labels TAB text` on every line, or `ID TAB labels TAB text` on every line, with blanks "
        "between labels and no tab within a text"
    )
