"""The tables of a target: one module per kind, listed in `catalogue`; here they are written and read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightxml_core.errors import InputError
from lightxml_core.files import read_json, unchanged, write_json, write_text
from lightxml_core.reporting.markup import Table, tex_file
from lightxml_core.reporting.tables.catalogue import KINDS
from lightxml_core.reporting.tables.results import Built, Results

__all__ = ["Results", "read_tables", "write_tables"]


def write_tables(results: Results, out: Path, data: Path) -> None:
    """Write every kind of table of the catalogue to the folder `out`, and all of them as JSON to the file `data`.

    In `out` each as .csv, .md and .tex (booktabs).
    """
    built = {kind.name: kind.build(results) for kind in KINDS}
    for name, one in built.items():
        _write(out / name, one)
    write_json(data, {name: [vars(table) for table in one.tables] for name, one in built.items()})


def read_tables(data: Path) -> dict[str, list[Table]]:
    """The tables by kind, in the order of the catalogue, from the file that `write_tables` wrote."""
    try:
        return {name: [Table(**table) for table in tables] for name, tables in read_json(unchanged(data)).items()}
    except (AttributeError, TypeError):
        raise InputError(f"{data} holds no tables: run the rule tables again") from None


def _write(stem: Path, built: Built) -> None:
    write_text(stem.with_suffix(".csv"), _csv([built.columns, *built.rows]))
    write_text(stem.with_suffix(".md"), "\n".join(table.markdown() for table in built.tables))
    write_text(stem.with_suffix(".tex"), tex_file(built.tables))


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
