"""The tables of docs/measured/, from their result files.

A table is a file `docs/measured/<page>/<table>.csv`. Its page, `docs/measured/<page>.md`, shows it between the lines
`<!-- table: <table> -->` and `<!-- end of table -->`. A row may name a folder of the
archive: its figures come from there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from statistics import fmean, stdev

from lightxml_core.archive.code import ROOT, current_digest
from lightxml_core.archive.entry import Costs, Entry
from lightxml_core.archive.store import read_archive
from lightxml_core.errors import InputError

ROOT_OF_ARCHIVE = ROOT / "archive"
ABOUT = ("seeds", "date", "commit", "command", "hardware", "source", "note")  # the last columns of every file
ARCHIVE = "archive"  # an optional column after them: a folder of archived runs, such as delicious/parabel/single
OLDER = "code changed since these runs: "  # before the variants, in the line below a table
TEXT = "measured"  # the one column of results that are sentences
NUMBER = re.compile(r"-?\d+(\.\d+)?( to \d+(\.\d+)?)?")
STD, PUBLISHED = " std", " published"
COSTS: Mapping[str, Callable[[Costs], float | None]] = {  # columns that archived runs fill
    "training, s": lambda costs: costs.wall_seconds,
    "memory, GiB": lambda costs: costs.peak_memory_gib,
    "size, MB": lambda costs: None if costs.model_bytes is None else costs.model_bytes / 1e6,
    "predicting, ms per document": lambda costs: costs.milliseconds_per_document,
}
MARKED = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n).*?(<!-- end of table -->\n)", re.DOTALL)

Row = dict[str, str]


@dataclass(frozen=True)
class Table:
    """One result file: `metrics` are its columns between `variant` and those about the runs."""

    path: Path
    metrics: list[str]
    rows: list[Row]


def read(path: Path) -> Table:
    """The table of a result file; InputError names the line of the first row that lacks a required field."""
    with path.open(encoding="utf-8", newline="") as opened:
        reader = csv.DictReader(opened)
        columns = [name for name in reader.fieldnames or [] if name != ARCHIVE]
        if columns[:1] != ["variant"] or tuple(columns[-len(ABOUT) :]) != ABOUT:
            raise InputError(f"{path}: line 1: the first column must be variant, the last ones {', '.join(ABOUT)}")
        table = Table(path, columns[1 : -len(ABOUT)], [])
        for row in reader:
            row = row if not row.get(ARCHIVE) else from_archive(row, f"{path}: line {reader.line_num}")
            check(table, row, f"{path}: line {reader.line_num}")
            table.rows.append(row)
    return table


def from_archive(row: Row, where: str) -> Row:
    """The row with the figures of the archived runs that it names: means, deviations and what is known of the runs.

    The key `older` is there if the code of the method has changed since. InputError if the archive has no such runs, or
    if a cell that comes from them is filled.
    """
    entries = [entry for place, entry in archived().items() if place.parent.as_posix() == row[ARCHIVE]]
    if not entries:
        raise InputError(f"{where}: {ROOT_OF_ARCHIVE.name}/{row[ARCHIVE]} holds no archived runs: correct the folder")
    found = about_runs(entries)
    for column in row:
        metric = column.removesuffix(STD)
        values = [entry.metrics[metric].value for entry in entries if metric in entry.metrics]
        if len(values) == len(entries) and (column == metric or len(values) > 1):
            found[column] = f"{fmean(values) if column == metric else stdev(values):.2f}"
        costs = [COSTS[column](entry.costs) for entry in entries] if column in COSTS else [None]
        if None not in costs:
            found[column] = f"{fmean(map(float, costs)):.1f}"
    if filled := next((column for column in found if row.get(column) and column != "note"), None):
        raise InputError(f"{where}: {filled} comes from the archive: leave the cell empty")
    if current_digest(entries[0].code.implementations) not in {entry.code.digest for entry in entries}:
        found["older"] = "yes"
    return {**row, **found}


def about_runs(entries: list[Entry]) -> Row:
    """The cells about runs: their number, the newest day, commits and machines."""
    commits = dict.fromkeys(commit[:7] for entry in entries for commit in entry.code.commits)
    machines = dict.fromkeys(machine(entry) for entry in entries)
    started = max(entry.started for entry in entries)
    about = {"seeds": str(len(entries)), "date": started[:10], "commit": " ".join(commits)}
    return {**about, "hardware": "; ".join(machines)}


def machine(entry: Entry) -> str:
    """The hardware of a run, in words."""
    found = entry.machine
    return found.gpu or f"{found.cores} core{'s' * (found.cores > 1)}"


@cache
def archived() -> dict[Path, Entry]:
    """The archive of the repository."""
    return read_archive(ROOT_OF_ARCHIVE)


def check(table: Table, row: Row, where: str) -> None:
    """Refuse a row without a variant, a figure, seeds, a date, and hardware or (if it was not run here) a source."""
    if None in row or None in row.values():
        raise InputError(f"{where}: the row needs as many cells as line 1 has")
    if not row["variant"] or row["variant"] in [other["variant"] for other in table.rows]:
        raise InputError(f"{where}: variant must be given, and differ from those of the other rows")
    if not re.fullmatch(r"[1-9]\d*", row["seeds"]):
        raise InputError(f"{where}: seeds must be a number of runs, not {row['seeds']!r}")
    if bool(row["hardware"]) == bool(row["source"]):
        raise InputError(f"{where}: give the hardware of a run, or the source of a figure that was not run here")
    try:
        date.fromisoformat(row["date"])
    except ValueError:
        raise InputError(f"{where}: date must look like 2026-11-28, not {row['date']!r}") from None
    check_figures(table, row, where)


def check_figures(table: Table, row: Row, where: str) -> None:
    """Refuse a row without figures, a figure that is no number, and a deviation of one run."""
    filled = [metric for metric in table.metrics if row[metric]]
    if not filled:
        raise InputError(f"{where}: the row has no figure")
    for metric in filled:
        if metric != TEXT and not NUMBER.fullmatch(row[metric]):
            raise InputError(f"{where}: {metric} must be a number, not {row[metric]!r}")
        if metric.endswith(STD) and row["seeds"] == "1":
            raise InputError(f"{where}: {metric} of a single run: give the number of seeds")


def markdown(table: Table) -> str:
    """The table as a page shows it, and under it how its figures came about."""
    shown = [metric for metric in table.metrics if not metric.endswith((STD, PUBLISHED))]
    extra = [name for name in ("seeds", "hardware", "note") if varied(table, name)]
    head = ["variant", *shown, *extra]
    right = ["---:" if metric != TEXT else "---" for metric in shown]
    lines = [head, ["---", *right, *("---" for _ in extra)]]
    for row in table.rows:
        lines.append([row["variant"], *(cell(row, metric) for metric in shown), *(row[name] for name in extra)])
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + f"\n{about(table)}\n\n"


def varied(table: Table, name: str) -> bool:
    """Whether rows differ in what they say about their runs."""
    return len({row[name] for row in table.rows}) > 1


def cell(row: Row, metric: str) -> str:
    """A figure with its deviation and the published figure, where the row has them."""
    std, published = row.get(metric + STD), row.get(metric + PUBLISHED)
    value = row[metric] if metric == TEXT else re.sub(r"\d{4,}", lambda match: f"{int(match[0]):,}", row[metric])
    return value + (f" ± {std}" if std else "") + (f" [{published}]" if published else "")


def about(table: Table) -> str:
    """One line on a table's runs: seeds, hardware, when the figures were written down, commands, the file."""
    dates = sorted({row["date"] for row in table.rows})
    parts = [f"{name}: {table.rows[0][name]}" for name in ("seeds", "hardware") if not varied(table, name)]
    parts.append(f"written down: {' to '.join(dates[:: len(dates) - 1] if len(dates) > 1 else dates)}")
    commands = dict.fromkeys(row["command"] for row in table.rows if row["command"])
    if commands:
        parts.append(f"commands: {', '.join(f'`{command}`' for command in commands)}")
    datasets = dict.fromkeys(row[ARCHIVE].partition("/")[0] for row in table.rows if row.get(ARCHIVE))
    folders = (f"`{ROOT_OF_ARCHIVE.name}/{name}`" for name in datasets)
    parts += [f"archived runs: {', '.join(folders)}"] if datasets else []
    older = [row["variant"] for row in table.rows if row.get("older")]
    parts += [OLDER + ", ".join(older)] if older else []
    sources = dict.fromkeys(row["source"] for row in table.rows if row["source"])
    parts += [f"source of what was not run here: {source}" for source in sources]
    return f"<sub>{'; '.join(parts)}; file: [{table.path.name}]({table.path.parent.name}/{table.path.name})</sub>"


def without_ages(text: str) -> str:
    """A page without the variants whose code has changed since their runs, so that a change of code leaves it valid."""
    return re.sub(f"; {OLDER}[^;]*", "", text)


def page(path: Path) -> str:
    """The text of a page with its tables written anew; InputError if a table lacks its file or a file its place."""
    text = path.read_text(encoding="utf-8")
    wanted = [match["name"] for match in MARKED.finditer(text)]
    there = sorted(file.stem for file in path.with_suffix("").glob("*.csv"))
    if sorted(wanted) != there:
        raise InputError(f"{path}: its tables are {sorted(wanted)} but its folder has the result files {there}")
    new = {name: markdown(read(path.with_suffix("") / f"{name}.csv")) for name in wanted}
    return MARKED.sub(lambda match: match[1] + new[match["name"]] + match[3], text)


def pages(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every page in a folder and its text with new tables; errors as `page` and `read` have."""
    return ((path, page(path)) for path in sorted(folder.glob("*.md")))
