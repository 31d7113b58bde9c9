"""One self-contained HTML page of everything that a grid of runs gave; opens from a disk, needs no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import pandas as pd

from lightxml_core.errors import InputError
from lightxml_core.files import write_text
from lightxml_core.reporting.choices import settings_table
from lightxml_core.reporting.documents import MAX_CHARACTERS, sample_documents
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.runs import Group, Run, Selection, groups_of, title_of
from lightxml_core.reporting.tables import duration, long_table, wide_tables
from lightxml_core.reporting.terminal import notes_of
from lightxml_core.reporting.verdicts import verdict_table

_FIGURES = {
    "precision": "Precision at 1, 3 and 5 of every method and variant, as bars with one panel a dataset",
    "propensity": "Propensity-scored precision at 1, 3 and 5, which weighs rare labels more, one panel a dataset",
    "tail": "Recall at 5 and share of P@5 by decile of label frequency, from the most frequent labels to the rarest",
    "lost": "What became of the true labels: among the first five, predicted further down, not predicted, unseen",
    "calibration": "Share of predicted labels that are true by tenth of the score; on the diagonal it is a probability",
    "cost": "P@1 and PSP@5 against training time, model size and prediction time, a point a method and variant",
    "training": "Training loss and validation precision over the optimiser steps, one row of panels a dataset",
    "corpora": "Labels by the number of their training documents and training documents by their words, in doublings",
    "rules": "The rules of the workflow and what each needs, from the download to the report",
}


def write_report(selection: Selection, tables_dir: Path, figures_dir: Path, out: Path) -> None:
    """Write the page to `out` from the tables and figures that `write_tables` and `write_figures` wrote.

    Nothing in it is loaded from elsewhere. Everything that comes from data is escaped, in the markup and in the
    embedded JSON. Equal input gives equal bytes. Raises InputError where a table or figure is missing.
    """
    groups = groups_of(selection)
    long = _read(tables_dir / "comparison.csv")
    wide = wide_tables(selection, long)
    page = Template(_asset("page.html")).substitute(
        title=escape(f"LightXML: {selection['target']}"),
        style=_asset("page.css"),
        script=_asset("page.js"),
        summary=_summary(selection, groups),
        main="".join(_html_table(table) for table in wide),
        verdicts=_html_table(verdict_table(selection, _read(tables_dir / "verdicts.csv")), heading=False),
        honest="".join(f"<p>{escape(note)}</p>" for note in notes_of(selection)),
        datasets=_html_table(long_table("datasets", _read(tables_dir / "datasets.csv")), heading=False),
        cost=_html_table(long_table("cost", _read(tables_dir / "cost.csv")), heading=False),
        figures="".join(_figure(figures_dir / f"{name}.svg", words) for name, words in _FIGURES.items()),
        runs="".join(_run_details(selection, run) for group in groups for run in group.runs),
        choices=_html_table(settings_table(selection, _read(tables_dir / "settings.csv")), heading=False),
        settings="".join(_settings(selection, method, groups) for method in selection["methods"]),
        characters=f"{MAX_CHARACTERS:,}",
        documents=embedded_json(sample_documents(selection)),
    )
    write_text(out, page)


def embedded_json(value: Any) -> str:
    """JSON that is safe inside a `<script>` element: no `<`, `>` or `&`, and no line separator, stands as itself."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _asset(name: str) -> str:
    return resources.files("lightxml_core.reporting").joinpath("assets", name).read_text(encoding="utf-8")


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path} is missing: run the rule that makes the tables")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _summary(selection: Selection, groups: Sequence[Group]) -> str:
    runs = [run for group in groups for run in group.runs]
    seeds = len({run.seed for run in runs})
    parts = [_count(len(selection["datasets"]), "dataset"), _count(len(selection["methods"]), "method")]
    parts += [_count(len(runs), "run"), _count(seeds, "seed")]
    commits = sorted({str(run.provenance["git_commit"])[:10] for run in runs if run.provenance.get("git_commit")})
    return escape(" · ".join([*parts, *(["code " + ", ".join(commits)] if commits else [])]))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _html_table(table: Table, heading: bool = True) -> str:
    head = "".join(
        f"<th scope=col class={side} aria-sort=none><button type=button>{escape(name)}</button></th>"
        for name, side in zip(table.headers, table.align, strict=True)
    )
    body = "".join("<tr>" + _cells(row, table.align) + "</tr>\n" for row in table.rows)
    notes = "".join(f"<p class=note>{escape(note)}</p>" for note in table.notes)
    return (
        f"{f'<h3>{escape(table.title)}</h3>' if heading else ''}\n"
        f'<div class=scroll tabindex=0 role=region aria-label="{escape(table.title)}">'
        f"<table class=sortable><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>{notes}\n"
    )


def _cells(row: Sequence[str], align: str) -> str:
    classes = (f'"{side} long"' if len(cell) > 40 else side for cell, side in zip(row, align, strict=True))
    return "".join(f"<td class={name}>{_cell(cell)}</td>" for cell, name in zip(row, classes, strict=True))


def _cell(text: str) -> str:
    """A published figure stands below the reproduced one."""
    own, bracket, printed = text.partition("[")
    return escape(own) + (f"<span class=print>[{escape(printed)}</span>" if bracket else "")


def _figure(path: Path, words: str) -> str:
    """The SVG as an image: nothing in it can run, and its ids cannot meet those of another figure."""
    if not path.is_file():
        raise InputError(f"{path} is missing: run the rule that makes the figures")
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    alt = escape(words)
    image = f'<img alt="{alt}; the tables above give the numbers" src="data:image/svg+xml;base64,{data}">'
    return f"<figure>{image}<figcaption>{alt}.</figcaption></figure>\n"


def _run_details(selection: Selection, run: Run) -> str:
    provenance = run.provenance
    name = f"{run.dataset} · {title_of(selection['methods'], run.method)} · {run.variant} · seed {run.seed}"
    facts = [("protocol", run.protocol), ("backbone", run.backbone), *_resources(provenance)]
    facts += [(f"sha256 of {file}", sha) for file, sha in _items(provenance, "data")]
    facts += [("packages", ", ".join(f"{p} {v}" for p, v in _items(provenance, "packages")))]
    seconds = provenance.get("wall_seconds")
    cost = "" if seconds is None else f" <small>{escape(duration(float(seconds)))}</small>"
    return f"<details><summary>{escape(name)}{cost}</summary>{_facts(facts)}</details>\n"


def _resources(provenance: dict[str, Any]) -> Iterable[tuple[str, str]]:
    if not provenance:
        return [("provenance", "none recorded: made from its members' predictions")]
    spellings: dict[str, tuple[str, Callable[[Any], str]]] = {
        "git_commit": ("code", str),
        "started": ("started", str),
        "wall_seconds": ("training time", lambda value: duration(float(value))),
        "peak_memory_gib": ("peak memory", lambda value: f"{float(value):.2f} GiB"),
        "model_bytes": ("model size", lambda value: f"{float(value) / 1e6:,.1f} MB"),
    }
    facts = [(name, spell(provenance[key])) for key, (name, spell) in spellings.items() if provenance.get(key)]
    return [*facts, *((key.replace("_", " "), str(value)) for key, value in _items(provenance, "hardware") if value)]


def _items(provenance: dict[str, Any], key: str) -> Iterable[tuple[str, Any]]:
    value = provenance.get(key)
    return value.items() if isinstance(value, dict) else ()


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in facts if value)
    return f"<dl>{rows}</dl>"


def _settings(selection: Selection, method: str, groups: Sequence[Group]) -> str:
    """A method's settings once for each set of runs that share them: seeds usually do."""
    entry = selection["methods"][method]
    shared: dict[str, list[str]] = {}
    for run in (run for group in groups if group.method == method for run in group.runs):
        if run.provenance.get("settings"):
            text = json.dumps(run.provenance["settings"], indent=2, ensure_ascii=False, sort_keys=True)
            shared.setdefault(text, []).append(f"{run.dataset} {run.variant} seed {run.seed}")
    blocks = "".join(f"<p>{escape(', '.join(names))}</p><pre>{escape(text)}</pre>" for text, names in shared.items())
    about = (
        f"implementation {entry.get('implementation') or 'n/a'}; in print as {entry.get('published_as') or 'nothing'}"
    )
    heading = f"{escape(title_of(selection['methods'], method))} <small>{escape(about)}</small>"
    return f"<details><summary>{heading}</summary>{blocks or '<p>no settings recorded</p>'}</details>\n"
