"""Figures that documents cite from the kept tables of docs/measured/.

A cited figure stands between two comments. The first names its table, rows and columns:

    <!-- from: hpo-5k/methods; LightXML, MiniLM - Bonsai; P@1 & P@3 -->4.2 and 4.5<!-- end -->

A row or column is named by the beginning of its name. `Light*` names every row that begins with `Light`. ` & ` joins
several names, and `P@k` stands for P@1, P@3 and P@5. ` - ` and ` / ` between rows take the differences and quotients of
all pairs of rows; ` / 60` divides every value by 60.

The text between the comments keeps its words, and each number its digits after the point. The numbers are replaced by
the values in their order. A text with a range, such as `1 to 2`, gets the smallest and the largest value.

A figure that is in no table says where it comes from: `<!-- given: a calculation -->1.5<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

from docs import measured
from lightxml_core.errors import InputError

FROM = re.compile(r"<!-- from: (?P<table>[^;>]+); (?P<rows>.+?); (?P<columns>[^;>]+) -->(?P<body>.*?)<!-- end -->")
GIVEN = re.compile(r"<!-- given: \S.*? -->.*?<!-- end -->")
NUMBER = re.compile(r"−?\d[\d,]*(?:\.\d+)?")
# where no figure is looked for: generated parts, fenced and inline code, other comments, the addresses of links
NOT_TEXT = re.compile(
    r"<!-- [^>]*docs/generate\.py -->.*?<!-- end of \w+ -->|^```.*?^```$|`[^`]*`|<!--.*?-->|\]\([^)]*\)",
    re.DOTALL | re.MULTILINE,
)
FIGURE = re.compile(r"(?<!Python )(?<!NLTK )(?<![\w.@])\d{1,3}\.\d{1,2}(?![\w.])")
STRICT = ("README.md", "docs/reproduction.md", "docs/methods.md", "docs/protocols.md")  # where each figure has a source
SIGNS: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    " - ": lambda one, other: one - other,
    " / ": lambda one, other: one / other,
}


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """Every document that cites figures, and its text with the figures of their tables.

    InputError, with file and line, for a source that does not exist, for another number of figures than of values, and
    for a figure without a source in a page of `STRICT`.
    """
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        if (lost := blanked(text, FROM).find("<!-- from:")) >= 0:
            raise InputError(f"{path}: line {_line(text, lost)}: a source is `table; rows; columns`, on one line")
        if path.relative_to(root).as_posix() in STRICT:
            refuse_unsourced(path, text)
        if FROM.search(text):
            yield path, written(path, text, root / "docs/measured")


def refuse_unsourced(path: Path, text: str) -> None:
    """InputError for the first number with a decimal point that is neither cited nor given nor within code."""
    bare = blanked(text, FROM, GIVEN, NOT_TEXT)
    if found := FIGURE.search(bare):
        raise InputError(
            f"{path}: line {_line(bare, found.start())}: {found[0]} has no source: add one (docs/measured.md)"
        )


def blanked(text: str, *patterns: re.Pattern[str]) -> str:
    """The text with spaces in place of what each pattern matches. Line breaks stay, and so do line numbers."""
    for pattern in patterns:
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return text


def written(path: Path, text: str, tables: Path) -> str:
    """The text of a document with the figures of the tables in a folder; InputError as `pages` has."""

    def figure(match: re.Match[str]) -> str:
        where = f"{path}: line {_line(text, match.start())}"
        body = with_numbers(match["body"], values(match, tables, where), where)
        return match[0].removesuffix(match["body"] + "<!-- end -->") + f"{body}<!-- end -->"

    return FROM.sub(figure, text)


def differences(path: Path, old: str, new: str) -> Iterator[str]:
    """A sentence for each cited figure of a page that differs from its source.

    old: the text of the page. new: the same with the figures of the tables, from `written`.
    """
    for typed, right in zip(FROM.finditer(old), FROM.finditer(new), strict=True):
        if typed["body"] != right["body"]:
            source = f"{typed['rows']}, {typed['columns']} in docs/measured/{typed['table']}.csv"
            yield f"{path}: line {_line(old, typed.start())}: {typed['body']} should be {right['body']} ({source})"


def values(match: re.Match[str], tables: Path, where: str) -> list[Decimal]:
    """The values that a mark names, row by row. InputError if one of them is not in the tables of the folder."""
    path = tables / f"{match['table']}.csv"
    if not path.is_file():
        raise InputError(f"{where}: there is no {path}: correct the source")
    ones, sign, others = next(
        (found for sign in SIGNS if (found := match["rows"].partition(sign))[1]), (match["rows"], "", "")
    )
    rows, columns = _rows(path), [name for part in match["columns"].split(" & ") for name in _spread(part)]
    first = _cells(rows, ones, columns, where)
    if not sign:
        return [value for row in first for cell in row for value in cell]
    second = [[[Decimal(others)]] * len(columns)] if NUMBER.fullmatch(others) else _cells(rows, others, columns, where)
    pairs = (
        (a, b)
        for one in first
        for other in second
        for own, its in zip(one, other, strict=True)
        for a in own
        for b in its
    )
    return [SIGNS[sign](a, b) for a, b in pairs]


def with_numbers(body: str, found: Sequence[Decimal], where: str) -> str:
    """The text with these values as its numbers, with as many digits after the point as it had."""
    typed = NUMBER.findall(body)
    shown = [min(found), max(found)] if re.search(r"\d to −?\d", body) and len(typed) == 2 else list(found)
    if len(typed) != len(shown):
        raise InputError(f"{where}: {body!r} has {len(typed)} numbers, but its source {len(shown)} values: correct one")
    rest = iter(shown)
    return NUMBER.sub(lambda match: spelled(next(rest), len(match[0].partition(".")[2])), body)


def spelled(value: Decimal, digits: int) -> str:
    """A value with so many digits after the point, rounded half up."""
    rounded = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{rounded if rounded else abs(rounded):,}".replace("-", "−")


def _cells(
    rows: Mapping[str, measured.Row], names: str, columns: Sequence[str], where: str
) -> list[list[list[Decimal]]]:
    """The numbers of the cells, by row and column. A cell has two numbers if it is a range, `1 to 2`."""
    found = []
    for row in (rows[name] for part in names.split(" & ") for name in _named(rows, part, where)):
        cells = {column: row[column] for part in columns for column in _named(row, part, where)}
        if empty := next((column for column, cell in cells.items() if not measured.NUMBER.fullmatch(cell)), None):
            raise InputError(f"{where}: {row['variant']} has no figure for {empty}: correct the source")
        found.append([[Decimal(number) for number in cell.split(" to ")] for cell in cells.values()])
    return found


def _spread(column: str) -> list[str]:
    return [column.replace("@k", f"@{k}") for k in (1, 3, 5)] if "@k" in column else [column]


def _named(names: Iterable[str], beginning: str, where: str) -> list[str]:
    """The name that is equal to this beginning, or else the only one that begins with it; with a star, all that do."""
    found = [name for name in names if name.startswith(beginning.removesuffix("*"))]
    if beginning in found:
        return [beginning]
    if not found or (len(found) > 1 and not beginning.endswith("*")):
        raise InputError(f"{where}: {beginning!r} begins {len(found)} names in its source: correct it")
    return found


@cache
def _rows(path: Path) -> Mapping[str, measured.Row]:
    return {row["variant"]: row for row in measured.read(path).rows}


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
