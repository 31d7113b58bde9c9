"""One self-contained HTML page of everything that a grid of runs gave; opens from a disk, needs no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from lightxml_core.errors import InputError
from lightxml_core.files import write_text
from lightxml_core.reporting.costs import prediction_time
from lightxml_core.reporting.features import features_of
from lightxml_core.reporting.figures.catalogue import KINDS
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.numbers import MISSING, duration
from lightxml_core.reporting.page.documents import MAX_CHARACTERS, sample_documents
from lightxml_core.reporting.runs import Group, Result, groups_of
from lightxml_core.reporting.terminal import notes_of
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Difference, Selection

_MAIN, _VERDICTS, _PLACED = ("main", "comparison"), "verdicts", ("datasets", "settings", "cost")
_ALT = "; the tables give the numbers"


def write_report(selection: Selection, tables: Mapping[str, Sequence[Table]], figures: Path, out: Path) -> None:
    """Write the page to `out`. tables: by kind, in their order. figures: the folder that `write_figures` wrote.

    It opens with the table `main`, or `comparison` where that has no rows, and the verdicts; tables that have no
    section of their own keep their order. Nothing in the page is loaded from elsewhere. Everything that comes
    from data is escaped, in the markup and in the embedded JSON. Equal input gives equal bytes. Raises InputError where
    the folder is missing.
    """
    groups = groups_of(selection)
    main = next((name for name in _MAIN if any(table.rows for table in tables.get(name, []))), _MAIN[-1])
    others = [name for name in tables if name not in (main, _VERDICTS, *_PLACED)]
    page = Template(_asset("page.html")).substitute(
        title=escape(f"LightXML: {selection.target}"),
        style=_asset("page.css"),
        script=_asset("page.js"),
        summary=_summary(selection, groups),
        main=_html(tables, main),
        losses="".join(f"<p>{escape(note)}</p>" for note in notes_of(selection)),
        verdicts=_html(tables, _VERDICTS),
        datasets="".join(_about_dataset(selection, name) for name in selection.datasets),
        statistics=_html(tables, "datasets"),
        methods="".join(_about_method(selection, name, groups) for name in selection.methods),
        settings=_html(tables, "settings"),
        figures=_figures(selection, figures),
        tables="".join(_html(tables, name) for name in others if any(table.rows for table in tables[name])),
        cost=_html(tables, "cost"),
        runs="".join(_about_run(selection, result) for group in groups for result in group.results),
        characters=f"{MAX_CHARACTERS:,}",
        documents=embedded_json(sample_documents(selection)),
    )
    write_text(out, page)


def embedded_json(value: Any) -> str:
    """JSON that is safe inside a `<script>` element: every `<`, `>`, `&` and line separator is escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _asset(name: str) -> str:
    return resources.files("lightxml_core.reporting.page").joinpath("assets", name).read_text(encoding="utf-8")


def _html(tables: Mapping[str, Sequence[Table]], name: str) -> str:
    return "".join(table.html() for table in tables.get(name, []))


def _summary(selection: Selection, groups: Sequence[Group]) -> str:
    results = [result for group in groups for result in group.results]
    seeds = len({result.run.seed for result in results})
    parts = [_count(len(selection.datasets), "dataset"), _count(len(selection.methods), "method")]
    parts += [_count(len(results), "run"), _count(seeds, "seed")]
    provenances = [result.provenance for result in results]
    commits = sorted({str(found["git_commit"])[:10] for found in provenances if found.get("git_commit")})
    return escape(" · ".join([*parts, *(["code " + ", ".join(commits)] if commits else [])]))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# --- figures --------------------------------------------------------------------------------------------------------


def _figures(selection: Selection, folder: Path) -> str:
    """Every kind of figure under its heading, one image per dataset. Kinds without data are named at the end."""
    parts, missing = [], []
    for kind in KINDS:
        paths = {name: folder / f"{kind.stem(selection, name)}.svg" for name in selection.datasets}
        drawn = {name: path for name, path in paths.items() if path.is_file()}
        if kind.over_datasets:
            drawn = dict([*drawn.items()][:1])
        of = {name: "" if kind.over_datasets else title_of(selection.datasets, name) for name in drawn}
        shown = [_picture(path, kind.caption, of[name]) for name, path in drawn.items()]
        parts += [f"<h3>{escape(kind.heading)}</h3>\n", *shown] if shown else []
        missing += [] if shown else [kind.heading.lower()]
    without = f"<p class=note>No data for this target: {escape(', '.join(missing))}.</p>\n" if missing else ""
    return "".join(parts) + without


def _picture(path: Path, words: str, of: str = "") -> str:
    """The SVG as an image: nothing in it can run, and its ids cannot meet those of another figure."""
    if not path.is_file():
        raise InputError(f"{path} is missing: run the rule that makes the figures")
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    alt, caption = escape(": ".join(filter(None, (of, words)))), escape(words)
    image = f'<img alt="{alt}{_ALT}" src="data:image/svg+xml;base64,{data}">'
    return f"<figure>{image}<figcaption>{caption}.</figcaption></figure>\n"


# --- datasets, methods, runs ----------------------------------------------------------------------------------------


def _about_dataset(selection: Selection, name: str) -> str:
    entry = selection.datasets[name]
    facts = [
        ("about", entry.note),
        ("licence", entry.licence),
        ("published as", entry.published_as),
    ]
    return f"<h3>{escape(title_of(selection.datasets, name))}</h3>{_facts(facts)}\n"


def _about_method(selection: Selection, method: str, groups: Sequence[Group]) -> str:
    """A method's description, how it differs from the published one, and every setting of its runs."""
    entry = selection.methods[method]
    own = [result for group in groups if group.method == method for result in group.results]
    facts = [
        ("about", entry.note),
        ("published as", entry.published_as),
        ("differs from the published one", "; ".join(map(_difference, entry.differs))),
        ("implementation", f"lightxml_core/methods/{entry.implementation}" if entry.implementation else None),
        ("protocol", ", ".join(dict.fromkeys(result.run.protocol or MISSING for result in own))),
        ("variants", ", ".join(dict.fromkeys(result.run.variant for result in own))),
    ]
    return f"<h3>{escape(title_of(selection.methods, method))}</h3>{_facts(facts)}{_all_settings(own)}\n"


def _difference(one: Difference) -> str:
    return f"{one.what} (on {', '.join(one.datasets)})" if one.datasets else one.what


def _all_settings(results: Sequence[Result]) -> str:
    """The settings, once for all runs that share them, as seeds usually do."""
    shared: dict[str, list[str]] = {}
    for result in results:
        if result.provenance.get("settings"):
            run, text = (
                result.run,
                json.dumps(result.provenance["settings"], indent=2, ensure_ascii=False, sort_keys=True),
            )
            shared.setdefault(text, []).append(f"{run.dataset} {run.variant} seed {run.seed}")
    blocks = (f"<p>{escape(', '.join(names))}</p><pre>{escape(text)}</pre>" for text, names in shared.items())
    return f"<details><summary>All settings, defaults included</summary>{''.join(blocks)}</details>" if shared else ""


def _about_run(selection: Selection, result: Result) -> str:
    run, provenance = result.run, result.provenance
    name = f"{run.dataset} · {title_of(selection.methods, run.method)} · {run.variant} · seed {run.seed}"
    facts = [("protocol", run.protocol or MISSING), ("backbone", run.backbone or MISSING)]
    facts += [("features", features_of(selection, run.dataset, run.features)), *_resources(provenance)]
    facts += [("prediction time", prediction_time(result) or "")]
    facts += [(f"sha256 of {file}", sha) for file, sha in _items(provenance, "data")]
    facts += [("packages", ", ".join(f"{p} {v}" for p, v in _items(provenance, "packages")))]
    seconds = provenance.get("wall_seconds")
    small = "" if seconds is None else f" <small>{escape(duration(float(seconds)))}</small>"
    return f"<details><summary>{escape(name)}{small}</summary>{_facts(facts)}</details>\n"


def _resources(provenance: dict[str, Any]) -> list[tuple[str, str]]:
    if not provenance:
        return [("provenance", "none: combined from the predictions of its members")]
    spellings: dict[str, tuple[str, Callable[[Any], str]]] = {
        "git_commit": ("code", str),
        "started": ("started", str),
        "wall_seconds": ("training time", lambda value: duration(float(value))),
        "attempts": ("training attempts", str),
        "peak_memory_gib": ("peak memory", lambda value: f"{float(value):.2f} GiB"),
        "model_bytes": ("model size", lambda value: f"{float(value) / 2**20:,.1f} MiB"),
    }
    facts = [(name, spell(provenance[key])) for key, (name, spell) in spellings.items() if provenance.get(key)]
    hardware = {
        "cpu": "processor",
        "cores": "cores",
        "memory_gib": "memory of the machine, GiB",
        "gpu": "GPU",
        "trainings_per_gpu": "trainings at once on the GPU",
    }
    return [*facts, *((hardware.get(key, key), str(value)) for key, value in _items(provenance, "hardware") if value)]


def _items(provenance: dict[str, Any], key: str) -> Iterable[tuple[str, Any]]:
    value = provenance.get(key)
    return value.items() if isinstance(value, dict) else ()


def _facts(facts: Iterable[tuple[str, Any]]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in facts if value)
    return f"<dl>{rows}</dl>"
