"""Variants of one model side by side: what each changes, and by how much its figures differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lightxml_core.evaluation.catalogue import HEADLINE
from lightxml_core.reporting.markup import NOTHING, Table
from lightxml_core.reporting.matching import Compared, Model
from lightxml_core.reporting.splits import splits_notes
from lightxml_core.reporting.tables.cells import protocol_of, reproduced, seeds_note
from lightxml_core.reporting.tables.pivot import Rows
from lightxml_core.reporting.titles import made_distinct, titles_of
from lightxml_core.selection import MethodInfo, Selection

Family = tuple[str, str]  # dataset, method


def families(rows: Rows, of: Callable[[Model], str]) -> dict[Family, list[Model]]:
    """What was run, by dataset and by what `of` says of a model."""
    found: dict[Family, list[Model]] = {}
    for model in dict.fromkeys(model for model, _ in rows if model.ran):
        found.setdefault((model.dataset, of(model)), []).append(model)
    return found


def titles_with_bases(selection: Selection) -> dict[str, str]:
    """The titles of the methods and of the bases that they name, which need not be in the target themselves."""
    methods = selection.methods
    bases = {entry.base: MethodInfo(title=entry.base_title) for entry in methods.values() if entry.base}
    return titles_of({**bases, **methods})


def titled(selection: Selection, kind: str, tables: Mapping[Family, Table]) -> list[Table]:
    """The tables, by dataset and method, under distinct titles."""
    datasets, methods = titles_of(selection.datasets), titles_with_bases(selection)
    names = {family: "/".join(family) for family in tables}
    shown = {names[dataset, method]: f"{methods[method]} on {datasets[dataset]}" for dataset, method in tables}
    distinct = made_distinct(shown)
    return [replace(table, title=f"{kind}: {distinct[names[family]]}") for family, table in tables.items()]


def variants(selection: Selection, rows: Rows, models: Sequence[Model], first: Model, note: str = "") -> Table:
    """A row per variant: what it changes of the first, its figures, and their differences from the first's."""
    chosen = {model: _settings(selection, model) for model in models}
    several, titles = len({model.method for model in models}) > 1, titles_of(selection.methods)
    names = {model: f"{titles[model.method]}: {model.variant}" if several else model.variant for model in models}
    body = []
    for model in [first, *(model for model in models if model != first)]:
        changed = "none" if model == first else _changed(chosen[model], chosen[first])
        figures = [_against(rows.get((model, m)), rows.get((first, m)), model == first) for m in HEADLINE]
        body.append([names[model], protocol_of(model), changed, *figures])
    seeds = seeds_note(row for model in models for metric in HEADLINE for row in rows.get((model, metric), []))
    headers = ["variant", "protocol", "changed settings", *HEADLINE]
    protocol = f" ({protocol_of(first)})" if len({model.protocol for model in models}) > 1 else ""
    against = f"{note}In brackets: the difference from {names[first]}{protocol}, in points."
    notes = [against, seeds, *splits_notes(selection, [first.dataset])]
    return Table("", headers, body, "lll" + "r" * len(HEADLINE), notes)


def _against(rows: Sequence[Compared] | None, first: Sequence[Compared] | None, same: bool) -> str:
    if not rows or not rows[0].reproduced:
        return NOTHING
    own = rows[0].reproduced
    if same or not first or not first[0].reproduced:
        return reproduced(own)
    return f"{reproduced(own)} ({own.mean - first[0].reproduced.mean:+.2f})"


def _settings(selection: Selection, model: Model) -> Mapping[str, Any]:
    names = (model.dataset, model.method, model.variant, model.protocol)
    runs = (run for run in selection.runs if (run.dataset, run.method, run.variant, run.protocol) == names)
    return next((run.settings or {} for run in runs), {})


def _changed(settings: Mapping[str, Any], first: Mapping[str, Any]) -> str:
    """The settings that differ from the first's, as `name value`."""
    names = [name for name in {**first, **settings} if settings.get(name) != first.get(name) and name != "protocol"]
    return ", ".join(f"{name} {_spelled(settings.get(name))}" for name in names) or "none"


def _spelled(value: Any) -> str:
    return "default" if value is None else json.dumps(value, ensure_ascii=False).strip('"')
