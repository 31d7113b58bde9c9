"""Tables in the shape that papers print: pivots of the comparison, with the published figures beside ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lightxml_core.reporting.cells import MISSING, NOT_RUN, Cell, notes_on, reproduced, seeds_note
from lightxml_core.reporting.corpora import splits_notes
from lightxml_core.reporting.markup import NOTHING, Table
from lightxml_core.reporting.matching import AS_PUBLISHED
from lightxml_core.reporting.runs import SHOWN, Group, groups_of
from lightxml_core.reporting.titles import title_of, titles_of, told_apart
from lightxml_core.selection import ENSEMBLE, MethodInfo, Selection

if TYPE_CHECKING:
    import pandas as pd

PRECISION, PROPENSITY = SHOWN[:3], SHOWN[3:]
PAPERS = ("main", "single", "propensity", "ablations", "protocols", "tail")
_Key = tuple[str, str, str, str]  # dataset, method, variant, protocol
_Rows = dict[tuple[_Key, str], list[dict[str, Any]]]
_PARTS = ("head", "torso", "tail")
_NAMES = ("method", "variant", "protocol")


def paper_tables(selection: Selection, long: pd.DataFrame) -> dict[str, list[Table]]:
    """By the names of `PAPERS`. long: as `tables.comparison` gives it, or its .csv read as text.

    `main`: each method's ensemble, or its one model, at P@1/3/5; `propensity`: the same at PSP@1/3/5; `single`: members
    and other single models; `ablations`: the members of methods with a `base`, and what each changes; `protocols`:
    the same method under both protocols; `tail`: recall by label frequency, and label coverage. Where there is
    nothing to show, the one table has no rows and a note that says so.
    """
    rows = _by_key(long)
    whole, one = _keys(selection, rows, _is_whole), _keys(selection, rows, _is_single)
    return {
        "main": _comparison(selection, "Main comparison", rows, whole, PRECISION),
        "single": _comparison(selection, "Single models", rows, one, PRECISION),
        "propensity": _comparison(selection, "Propensity-scored comparison", rows, whole, PROPENSITY),
        "ablations": _ablations(selection, rows) or [_empty("Ablations", _NO_ABLATIONS)],
        "protocols": _protocols(selection, rows) or [_empty("Protocols", _NO_PROTOCOLS)],
        "tail": _tails(selection),
    }


_NO_ABLATIONS = (
    "Nothing here is an ablation: no method of this target names a `base` that its members are variants of. "
    "The targets ablations and lightdxml-ablations are made of such methods."
)
_NO_PROTOCOLS = "No method of this target was run under both protocols. The target protocols does that."


def _empty(title: str, note: str) -> Table:
    return Table(title, [], [], "", [note])


def _by_key(long: pd.DataFrame) -> _Rows:
    found: _Rows = {}
    for row in long.to_dict("records"):
        key = (row["dataset"], row["method"], row["variant"], row["protocol"])
        found.setdefault((key, row["metric"]), []).append(row)
    return found


# --- main, single, propensity ---------------------------------------------------------------------------------------


def _keys(selection: Selection, rows: _Rows, chosen: Callable[[_Key, list[_Key]], bool]) -> list[_Key]:
    """Models that a table compares: those that were run first, then those only published; no variants of a base."""
    known = list(dict.fromkeys(key for key, _ in rows))
    order = list(selection.methods)
    place = {key: len(order) if key[3] == NOT_RUN else order.index(key[1]) for key in known}
    kept = [key for key in known if key[3] == NOT_RUN or not selection.methods[key[1]].base]
    return sorted((key for key in kept if chosen(key, known)), key=place.__getitem__)


def _is_whole(key: _Key, known: list[_Key]) -> bool:
    """Whether it is what a method has to say in the end: its ensemble, or what there is if it has none."""
    dataset, method, variant, protocol = key
    if protocol == NOT_RUN:
        return variant in (ENSEMBLE, AS_PUBLISHED)
    return variant == ENSEMBLE or (dataset, method, ENSEMBLE, protocol) not in known


def _is_single(key: _Key, known: list[_Key]) -> bool:
    if key[3] == NOT_RUN:
        return not key[2].startswith(ENSEMBLE) and key[2] != AS_PUBLISHED
    return key[2] != ENSEMBLE


def _comparison(selection: Selection, title: str, rows: _Rows, keys: list[_Key], metrics: Sequence[str]) -> list[Table]:
    """One dataset: a column per metric. Several: a table per metric, a column per dataset."""
    titles = titles_of(selection.datasets, taken=("table", *_NAMES))
    used = [key for key in keys if any((key, metric) in rows for metric in metrics)]
    if not used:
        note = "Nothing to compare: no published figure, and only variants of methods (see ablations and protocols)."
        return [_empty(title, note)]
    if len(titles) == 1:
        ((name, only),) = titles.items()
        return [_pivot(selection, f"{title}: {only}", rows, used, [(metric, name, metric) for metric in metrics])]
    return [
        _pivot(selection, f"{title}: {metric}", rows, used, [(head, name, metric) for name, head in titles.items()])
        for metric in metrics
    ]


def _pivot(
    selection: Selection, title: str, rows: _Rows, keys: list[_Key], columns: Sequence[tuple[str, str, str]]
) -> Table:
    """A row per model over the datasets, a column per (heading, dataset, metric)."""
    models: dict[tuple[str, ...], dict[str, _Key]] = {}
    for key in keys:
        models.setdefault(_identity(key, keys), {})[key[0]] = key
    titles, body, shown = titles_of(selection.methods), [], []
    ours = {entry.published_as for entry in selection.methods.values()}
    for places in models.values():
        _, method, _, protocol = next(iter(places.values()))
        name = method if protocol == NOT_RUN else titles[method]
        absent = NOTHING if protocol == NOT_RUN and method in ours else NOT_RUN  # there, it stands beside our run
        row = {head: _cell(rows, name, head, places.get(dataset), metric) for head, dataset, metric in columns}
        figures = [cell.text(protocol != NOT_RUN) if cell else absent for cell in row.values()]
        body.append([name, "; ".join(dict.fromkeys(key[2] for key in places.values())), protocol, *figures])
        shown += [cell for cell in row.values() if cell]
    notes = [_READ, *notes_on(shown), *splits_notes(selection, [dataset for _, dataset, _ in columns])]
    return Table(title, [*_NAMES, *(head for head, *_ in columns)], body, "lll" + "r" * len(columns), notes)


_READ = f"Reproduced, mean over the seeds, and [published], in percent; {NOTHING}: there is no such figure."


def _cell(rows: _Rows, name: str, heading: str, key: _Key | None, metric: str) -> Cell | None:
    return None if key is None else Cell(f"{name}, {key[2]}", heading, rows.get((key, metric), []))


def _identity(key: _Key, keys: list[_Key]) -> tuple[str, ...]:
    """What identifies a model over the datasets: its method if that has one model on each, else its variant too."""
    _, method, variant, protocol = key
    ran = protocol != NOT_RUN
    of_method = [other[0] for other in keys if other[1] == method and (other[3] != NOT_RUN) == ran]
    return (method, str(ran)) if len(set(of_method)) == len(of_method) else (method, variant, protocol)


# --- ablations and protocols ----------------------------------------------------------------------------------------


def _ablations(selection: Selection, rows: _Rows) -> list[Table]:
    """A table per dataset and method with a `base`: its first member is the unchanged one."""
    titles, found = _titles(selection), {}
    for family, keys in _families(rows, lambda key: key[1]).items():
        base = selection.methods[family[1]].base
        if base and len({key[3] for key in keys}) == 1 and len(keys) > 1:
            found[family] = _variants(selection, rows, keys, keys[0], f"Variants of {titles[base]}; in")
    return _titled(selection, "Ablations", found)


def _protocols(selection: Selection, rows: _Rows) -> list[Table]:
    """A table per dataset and method (with its variants) that was run under both protocols."""
    found = {}
    for family, keys in _families(rows, lambda key: selection.methods[key[1]].base or key[1]).items():
        clean = [key for key in keys if key[3] == "clean"]
        if clean and len({key[3] for key in keys}) > 1:
            found[family] = _variants(selection, rows, keys, clean[0], "In")
    return _titled(selection, "Protocols", found)


def _titles(selection: Selection) -> dict[str, str]:
    """The titles of the methods and of the bases that they name, which need not be in the target themselves."""
    methods = selection.methods
    bases = {entry.base: MethodInfo(title=entry.base_title) for entry in methods.values() if entry.base}
    return titles_of({**bases, **methods})


def _titled(selection: Selection, kind: str, tables: Mapping[tuple[str, str], Table]) -> list[Table]:
    """The tables, by dataset and method, under titles none of which is like another."""
    datasets, methods = titles_of(selection.datasets), _titles(selection)
    names = {family: "/".join(family) for family in tables}
    shown = {names[dataset, method]: f"{methods[method]} on {datasets[dataset]}" for dataset, method in tables}
    told = told_apart(shown)
    return [replace(table, title=f"{kind}: {told[names[family]]}") for family, table in tables.items()]


def _families(rows: _Rows, of: Callable[[_Key], str]) -> dict[tuple[str, str], list[_Key]]:
    """What was run, gathered by dataset and family."""
    families: dict[tuple[str, str], list[_Key]] = {}
    for key in dict.fromkeys(key for key, _ in rows if key[3] != NOT_RUN):
        families.setdefault((key[0], of(key)), []).append(key)
    return families


def _variants(selection: Selection, rows: _Rows, keys: list[_Key], first: _Key, note: str) -> Table:
    """A row per variant: what it changes of the first, its figures, and their differences from the first's."""
    chosen = {key: _settings(selection, key) for key in keys}
    several, titles = len({key[1] for key in keys}) > 1, titles_of(selection.methods)
    names = {key: f"{titles[key[1]]}: {key[2]}" if several else key[2] for key in keys}
    body = []
    for key in [first, *(key for key in keys if key != first)]:
        changed = "nothing" if key == first else _changed(chosen[key], chosen[first])
        figures = [_against(rows.get((key, metric)), rows.get((first, metric)), key == first) for metric in SHOWN]
        body.append([names[key], key[3], changed, *figures])
    seeds = seeds_note(row["seeds"] for key in keys for metric in SHOWN for row in rows.get((key, metric), []))
    headers = ["variant", "protocol", "what it changes", *SHOWN]
    protocol = f" ({first[3]})" if len({key[3] for key in keys}) > 1 else ""
    against = f"{note} brackets with a sign: points against {names[first]}{protocol}."
    return Table("", headers, body, "lll" + "r" * len(SHOWN), [against, seeds, *splits_notes(selection, [first[0]])])


def _against(rows: list[dict[str, Any]] | None, first: list[dict[str, Any]] | None, same: bool) -> str:
    if not rows:
        return NOTHING
    if same or not first:
        return reproduced(rows[0])
    difference = float(rows[0]["reproduced_mean"]) - float(first[0]["reproduced_mean"])
    return f"{reproduced(rows[0])} ({difference:+.2f})"


def _settings(selection: Selection, key: _Key) -> dict[str, Any]:
    runs = (run for run in selection.runs if (run.dataset, run.method, run.variant) == key[:3])
    return dict(next((run.settings or {} for run in runs if (run.protocol or MISSING) == key[3]), {}))


def _changed(settings: Mapping[str, Any], first: Mapping[str, Any]) -> str:
    """The settings that differ from the first's, as `name value`."""
    names = [name for name in {**first, **settings} if settings.get(name) != first.get(name) and name != "protocol"]
    return ", ".join(f"{name} {_spelled(settings.get(name))}" for name in names) or "nothing"


def _spelled(value: Any) -> str:
    return "as the default" if value is None else json.dumps(value, ensure_ascii=False).strip('"')


# --- head to tail ---------------------------------------------------------------------------------------------------


def _tails(selection: Selection) -> list[Table]:
    """A table per dataset: recall at 5 of head, torso and tail and of each decile, and the labels that are found."""
    groups = [group for group in groups_of(selection) if any(run.tail for run in group.runs)]
    tables = []
    for name in selection.datasets:
        body = [_tail_row(selection, group) for group in groups if group.dataset == name]
        if body:
            headers = [*_NAMES, *(f"R@5 {part}" for part in _PARTS)]
            headers += [*(f"found at {k}" for k in (1, 3, 5)), *(f"decile {i}" for i in range(1, 11))]
            title = f"Head to tail: {title_of(selection.datasets, name)}"
            tables.append(
                Table(title, headers, body, "lll" + "r" * 16, [*_TAIL_NOTES, *splits_notes(selection, [name])])
            )
    return tables or [_empty("Head to tail", "No run recorded its hits by label frequency: evaluate the runs again.")]


_TAIL_NOTES = (
    "In percent, mean over the seeds. Labels by the number of their training documents: head is the first tenth, torso "
    "the next four, tail the rarer half; decile 1 to 10: R@5 of each tenth.",
    "Found at k: of the labels in the test set, those that are right among the first k of at least one document.",
    "None of this is published for these methods.",
)


def _tail_row(selection: Selection, group: Group) -> list[str]:
    tails = [run.tail for run in group.runs if run.tail]
    recalls = [_mean(tail.get(part, {}).get("R@5") for tail in tails) for part in _PARTS]
    found = [_mean(tail.get("coverage", {}).get(str(k)) for tail in tails) for k in (1, 3, 5)]
    of_deciles = [tail.get("deciles", {}).get("R@5") or [None] * 10 for tail in tails]
    deciles = [_mean(tenths) for tenths in zip(*of_deciles, strict=True)]
    return [
        title_of(selection.methods, group.method),
        group.variant,
        group.protocol or MISSING,
        *recalls,
        *found,
        *deciles,
    ]


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{fmean(known):.1f}" if known else MISSING
