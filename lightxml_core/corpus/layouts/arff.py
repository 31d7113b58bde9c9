"""MULAN's layout: tables in Weka's ARFF whose attributes are features and labels, rows dense or sparse, no texts."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import arff
import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.corpus.labels import binary, documents_without_labels
from lightxml_core.corpus.layouts.layout import Layout
from lightxml_core.corpus.layouts.locate import levels, missing_files, names
from lightxml_core.corpus.leniency import Leniency, refuse
from lightxml_core.corpus.lines import read_lines
from lightxml_core.corpus.splits import Split
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.definitions.corpus import Labels
from lightxml_core.errors import InputError

PATTERNS = ("*.arff", "*.xml")
_LARGEST = float(np.finfo(np.float32).max)
_FAULTS = {  # in place of liac-arff's own messages, which name no file
    arff.BadRelationFormat: "this is not a valid @relation",
    arff.BadAttributeFormat: "this is not a valid @attribute",
    arff.BadAttributeType: "the type of this @attribute is not one of numeric, real, integer and {0,1}",
    arff.BadAttributeName: "an attribute of this name was declared before",
    arff.BadNominalValue: "a value is not among those that its @attribute lists",
    arff.BadNominalFormatting: "a value with a blank has no quotes",
    arff.BadNumericalValue: "a value is not a number",
    arff.BadDataFormat: "the number of values is not the number of attributes, or an index is too large",
}


def read(folder: Path, rules: Leniency, labels: Labels | None = None, split: Split | None = None) -> Corpus:
    """Read `*train.arff` and `*test.arff`, or with `split` the one other file `*.arff` and split its documents.

    labels: which attributes are labels. By default these are the attributes named in the XML file beside the table,
    or else the first n or the last n if its @relation says `-C n` or `-C -n`. All others are features. A document
    without features counts as an empty text. InputError also for missing or non-numeric values, and for labels other
    than 0 and 1.
    """
    if split is not None:
        (source,) = _located(folder, ("all",))
        table = _read_table(source)
        whole = _part(table, _label_columns(table, labels), rules)
        trn, tst = (_chosen(whole, rows) for rows in split.rows(source, table.values.shape[0]))
        return Corpus(trn, tst, _names(table, labels))
    trn_table, tst_table = (_read_table(source) for source in _located(folder, ("train", "test")))
    if trn_table.attributes != tst_table.attributes:
        raise InputError(
            f"{trn_table.source} and {tst_table.source} have different attributes: take both from the same copy"
        )
    columns = _label_columns(trn_table, labels)
    return Corpus(_part(trn_table, columns, rules), _part(tst_table, columns, rules), _names(trn_table, labels))


# --- files ----------------------------------------------------------------------------------------------------------


def _located(folder: Path, wanted: tuple[str, ...]) -> list[Path]:
    """The one file of each kind in the nearest folder that has all of them."""
    for level in levels(folder):
        kinds = [[_of_kind(inside, kind) for kind in wanted] for inside in level]
        found = [paths for inside in kinds if all(inside) for paths in inside]
        if len(found) > len(wanted) or any(len(paths) > 1 for paths in found):
            several = [path for paths in found for path in paths]
            raise InputError(f"{folder} has {names(several)}: keep one file of each part")
        if found:
            return [path for (path,) in found]
    needed = " and ".join("one file *.arff" if kind == "all" else f"*{kind}.arff" for kind in wanted)
    raise missing_files(folder, needed)


def _of_kind(folder: Path, kind: str) -> list[Path]:
    """The tables in `folder` whose names end in `train` or `test`, or with `all` in neither."""
    tables = sorted(path for path in folder.glob("*.arff") if path.is_file() and not path.name.startswith("."))
    parts = ("train", "test")
    return [path for path in tables if next(filter(path.stem.endswith, parts), "all") == kind]


# --- tables ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Table:
    """attributes: their names. values: float32 CSR, documents x attributes. lines: of each document, from 1."""

    source: Path
    relation: str
    attributes: list[str]
    values: csr_matrix
    lines: np.ndarray


class _Lines:
    """The lines of a file, for liac-arff, whose only white space is blanks; `number` is that of the last line."""

    def __init__(self, source: Path) -> None:
        self.number = 0
        self._lines = read_lines(source)

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            yield line.replace("\t", " ")


def _read_table(source: Path) -> _Table:
    lines = _Lines(source)
    try:
        return _decoded(source, lines)
    except InputError:
        raise
    except (arff.ArffException, ValueError, LookupError) as error:
        fault = _FAULTS.get(type(error), "this line is not valid ARFF")
        raise InputError(f"{source} line {lines.number}: {fault}: correct it, or take a complete copy") from None


def _decoded(source: Path, lines: _Lines) -> _Table:
    sparse = _is_sparse(source)
    table = arff.load(lines, return_type=arff.LOD_GEN if sparse else arff.DENSE_GEN)
    attributes = [re.sub(r"\\(.)", r"\1", name) for name, _ in table["attributes"]]
    if sparse:
        _check_omitted(source, table["attributes"])
    columns, values, ends, numbers = array("i"), array("f"), array("q", [0]), array("q")
    for row in table["data"]:
        for column, value in row.items() if sparse else enumerate(row):
            number = _number(value, f"{source} line {lines.number}: the attribute {attributes[column]}")
            if number:
                columns.append(column)
                values.append(number)
        ends.append(len(columns))
        numbers.append(lines.number)
    shape = (len(numbers), len(attributes))
    matrix = csr_matrix((np.array(values, np.float32), np.array(columns, np.int32), np.array(ends)), shape=shape)
    matrix.sort_indices()
    return _Table(source, str(table["relation"]), attributes, matrix, np.array(numbers, np.int64))


def _is_sparse(source: Path) -> bool:
    """Whether the first row of the data is in braces."""
    lines = iter(read_lines(source))
    for line in lines:
        if line.strip().lower().startswith("@data"):
            break
    rows = (line.strip() for line in lines)
    return next((row for row in rows if row and not row.startswith("%")), "").startswith("{")


def _check_omitted(source: Path, attributes: Iterable[tuple[str, Any]]) -> None:
    """InputError unless omitted values are 0: in sparse rows they are the first value that an attribute lists."""
    for name, kind in attributes:
        if isinstance(kind, list) and _number(kind[0] if kind else None, f"{source}: the attribute {name}"):
            raise InputError(
                f"{source}: the attribute {name} lists {kind[0]} first, so that is what sparse rows omit: "
                "write dense rows, or list 0 first"
            )


def _number(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not abs(number) <= _LARGEST:
        found = "is missing" if value is None else f"is {str(value)[:40]!r}, not a finite number of 32 bits"
        raise InputError(f"{where} {found}: only numbers can be features and labels")
    return number


# --- features and labels --------------------------------------------------------------------------------------------


def _label_columns(table: _Table, labels: Labels | None) -> np.ndarray:
    """bool[attributes]: which of them are labels."""
    size, found = len(table.attributes), np.zeros(len(table.attributes), bool)
    names_file = _xml_beside(table.source)
    if labels is None and names_file is not None:
        for name in _named(names_file):
            if name not in table.attributes:
                raise InputError(f"{names_file} names the label {name}, which is not an attribute of {table.source}")
        found[np.isin(table.attributes, _named(names_file))] = True
    else:
        labels = labels or _of_relation(table)
        if not 0 < labels.count < size:
            raise InputError(
                f"{table.source}: {labels.count} of {size} attributes cannot be labels: correct the number"
            )
        found[slice(labels.first) if labels.first else slice(size - labels.count, size)] = True
    return found


def _of_relation(table: _Table) -> Labels:
    """The labels by `-C n` in the @relation: the first n attributes, or the last -n if n is negative."""
    stated = re.search(r"(?:^|\s)-[Cc]\s*(-?)(\d{1,9})(?!\S)", table.relation)
    if stated is None:
        raise InputError(
            f"{table.source} does not say which attributes are labels: set `labels: {{last: …}}` or "
            "`labels: {first: …}` under source, or put the XML file that names them beside it"
        )
    return Labels(**{"last" if stated[1] else "first": int(stated[2])})


def _xml_beside(source: Path) -> Path | None:
    """The XML file of the same name, or else the only one in the folder."""
    found = sorted(source.parent.glob("*.xml"))
    own = source.with_suffix(".xml")
    return own if own in found else found[0] if len(found) == 1 else None


def _named(source: Path) -> list[str]:
    """The names of MULAN's `<label name="…">`, at any depth."""
    text = "\n".join(read_lines(source))
    if "<!" in text.replace("<!--", ""):  # a document type may define entities that expand without end
        raise InputError(f"{source} has a declaration <!…>, which a list of labels does not need: remove it")
    try:
        root = ElementTree.fromstring(text.partition("?>")[2] if text.lstrip().startswith("<?xml") else text)
    except ElementTree.ParseError as error:
        raise InputError(f"{source}: this is not valid XML ({error}): take a complete copy") from None
    found = [element.get("name", "") for element in root.iter() if element.tag.rpartition("}")[2] == "label"]
    if not found:
        raise InputError(f"{source} names no label: take a complete copy, or set `labels`")
    return found


def _names(table: _Table, labels: Labels | None) -> list[str]:
    return [table.attributes[column] for column in np.flatnonzero(_label_columns(table, labels))]


def _part(table: _Table, labels: np.ndarray, rules: Leniency) -> Part:
    """Features and labels of all documents of a table. labels: bool[attributes]."""
    X, marked = csr_matrix(table.values[:, ~labels]), csr_matrix(table.values[:, labels])
    wrong = np.flatnonzero(marked.data != 1)
    if len(wrong):
        row = int(np.searchsorted(marked.indptr, wrong[0], side="right")) - 1
        name = np.array(table.attributes)[labels][marked.indices[wrong[0]]]
        raise InputError(
            f"{table.source} line {table.lines[row]}: the label {name} is {marked.data[wrong[0]]:g}, not 0 or 1: "
            "correct it, or the choice of the attributes that are labels"
        )
    Y = binary(marked)
    if not rules.documents_without_labels:
        refuse(table.source, table.lines[documents_without_labels(Y)], "no label", "documents_without_labels")
    if not rules.empty_texts:
        refuse(table.source, table.lines[np.diff(X.indptr) == 0], "no feature", "empty_texts")
    return Part(None, Y, X)


def _chosen(part: Part, rows: np.ndarray) -> Part:
    assert part.X is not None
    return Part(None, part.Y[rows], part.X[rows])


LAYOUT = Layout("arff", read, patterns=PATTERNS, keys=("labels", "splits"), wordless=True)
