"""Reproduced figures beside published ones: the comparison, the datasets, the cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lightxml_core.files import read_json, write_text
from lightxml_core.reporting.choices import settings, settings_table
from lightxml_core.reporting.costs import (
    members_of,
    milliseconds_a_document,
    model_bytes,
    peak_memory_gib,
    training_seconds,
)
from lightxml_core.reporting.markup import NOTHING, Table
from lightxml_core.reporting.runs import (
    ENSEMBLE,
    SHOWN,
    Group,
    Selection,
    groups_of,
    is_accuracy,
    metric_order,
    of_dataset,
    title_of,
)
from lightxml_core.reporting.terminal import terminal_table
from lightxml_core.reporting.verdicts import verdict_table, verdicts

if TYPE_CHECKING:  # pandas is slow to import and the workflow plans without it
    import pandas as pd

__all__ = ["COLUMNS", "comparison", "cost", "datasets", "long_table", "terminal_table", "wide_tables", "write_tables"]

COLUMNS = [
    *("dataset", "method", "variant", "metric", "published", "source", "verified"),
    *("reproduced_mean", "reproduced_std", "seeds", "protocol"),
]
NOT_RUN, NONE, MISSING = "not run", "none", "n/a"
_AS_PUBLISHED = "as-published"
_STATISTICS = {  # the names that published tables use, and the names a stats file may use for the same thing
    "N_train": ("n_trn", "n_train", "documents_trn", "train_documents", "documents_train"),
    "N_test": ("n_tst", "n_test", "documents_tst", "test_documents", "documents_test"),
    "D_tfidf": ("d", "d_tfidf", "features"),
    "L": ("l", "labels", "n_labels"),
    "avg_labels_per_doc": ("labels_per_document", "labels_per_doc", "avg_labels_per_document"),
    "avg_docs_per_label": ("documents_per_label", "docs_per_label", "avg_documents_per_label"),
    "words_per_doc_train": ("words_per_document_trn", "words_trn", "words_train", "words_per_document_train"),
    "words_per_doc_test": ("words_per_document_tst", "words_tst", "words_test", "words_per_document_test"),
}
_Row = dict[str, Any]


def comparison(selection: Selection, published: pd.DataFrame) -> pd.DataFrame:
    """The long table: exactly `COLUMNS`, one row a (dataset, method, variant, metric, protocol, published source).

    `reproduced_mean` and `reproduced_std` are percent over the seeds (sample standard deviation, "n/a" for one
    seed), `seeds` counts them. No cell is blank: a figure in print that was not run says "not run", a run with
    nothing in print says "none". A dataset or method stands under its registry name; a method that is only in
    print under its published name. An ensemble is joined with the published ensemble; a member with the figures
    published for its own name, its backbone or any `single` model; a method that is one model here and in print
    (`as-published`) with that. Raises InputError where a run's metrics cannot be read.
    """
    import pandas as pd

    groups = groups_of(selection)
    published = published.reset_index(drop=True)
    rows: list[_Row] = []
    for dataset, entry in selection["datasets"].items():
        printed = published[(published.dataset == entry.get("published_as")) & published.metric.map(is_accuracy)]
        used: set[Any] = set()
        for group in of_dataset(groups, dataset):
            rows += _run_rows(group, _match(selection, group, groups, printed), used)
        rows += [_only_printed(dataset, figure) for figure in printed.drop(index=list(used)).itertuples()]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def write_tables(selection: Selection, published: pd.DataFrame, tolerance: Mapping[str, float], out: Path) -> None:
    """Write every table to `out`: comparison, verdicts, datasets, cost, settings.

    Each as .csv (long), .md and .tex (booktabs, for people).

    tolerance: of the verdicts, in percentage points by family of metric.
    """
    long = comparison(selection, published)
    _write(out / "comparison", long, wide_tables(selection, long))
    judged = verdicts(selection, long, tolerance)
    _write(out / "verdicts", judged, [verdict_table(selection, judged)])
    chosen = settings(selection)
    _write(out / "settings", chosen, [settings_table(selection, chosen)])
    for name, frame in (("datasets", datasets(selection, published)), ("cost", cost(selection, published))):
        _write(out / name, frame, [long_table(name, frame)])


def wide_tables(selection: Selection, long: pd.DataFrame) -> list[Table]:
    """One table a dataset for people: a row a method and variant, reproduced mean ± std and [published] a cell.

    Methods that were run come first, in the selection's order; those only in print follow, best P@1 first.
    """
    return [_wide(selection, dataset, long[long.dataset == dataset]) for dataset in selection["datasets"]]


def long_table(name: str, frame: pd.DataFrame) -> Table:
    """`datasets` or `cost` for people, from the frame or its .csv read as text; all-"none" columns are left out."""
    title, align, notes = _OTHERS[name]
    told = [(column, side) for column, side in zip(frame.columns, align, strict=True) if set(frame[column]) != {NONE}]
    rows = [[_plain(column, row[column]) for column, _ in told] for row in frame.to_dict("records")]
    headers = [_HEADERS.get(column, column) for column, _ in told]
    return Table(title, headers, rows, "".join(side for _, side in told), notes)


def datasets(selection: Selection, published: pd.DataFrame) -> pd.DataFrame:
    """Dataset statistics: one row a (dataset, statistic, source) with what is expected, in print and computed."""
    import pandas as pd

    columns = ["dataset", "statistic", "computed", "expected", "published", "source", "verified"]
    rows = [
        row for name in selection["datasets"] for row in _dataset_rows(name, selection["datasets"][name], published)
    ]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def cost(selection: Selection, published: pd.DataFrame) -> pd.DataFrame:
    """One row a (dataset, method, variant, protocol): training wall time, peak memory, model size, hardware."""
    import pandas as pd

    groups = groups_of(selection)
    columns = [
        "dataset",
        "method",
        "variant",
        "protocol",
        "seeds",
        "wall_seconds",
        "peak_memory_gib",
        "model_bytes",
        "ms_a_document",
    ]
    columns += ["hardware", "published_train_hours", "published_model_gb", "source", "verified"]
    rows = [_cost_row(selection, group, groups, published) for group in groups]
    return pd.DataFrame(rows, columns=columns, dtype=object)


# --- the long table -------------------------------------------------------------------------------------------------


def _match(selection: Selection, group: Group, groups: list[Group], printed: pd.DataFrame) -> pd.DataFrame:
    """The published figures that speak of this very model: same method, same kind of variant."""
    siblings = {g.variant for g in groups if (g.dataset, g.method) == (group.dataset, group.method)}
    name = selection["methods"][group.method].get("published_as")
    kinds = {ENSEMBLE} if group.variant == ENSEMBLE else {group.variant, *group.backbones, "single"}
    if group.variant == ENSEMBLE or siblings == {group.variant}:
        kinds.add(_AS_PUBLISHED)
    return printed[(printed.method == name) & printed.variant.isin(kinds)]


def _run_rows(group: Group, printed: pd.DataFrame, used: set[Any]) -> Iterator[_Row]:
    metrics = sorted({metric for run in group.runs for metric in run.metrics}, key=metric_order)
    for metric in metrics:
        figures = list(printed[printed.metric == metric].itertuples())
        used.update(figure.Index for figure in figures)
        for found in map(_printed, figures or [None]):
            yield {
                **{"dataset": group.dataset, "method": group.method, "variant": group.variant, "metric": metric},
                **found,
                "reproduced_mean": round(fmean(group.values(metric)), 6),
                "reproduced_std": MISSING if (std := group.std(metric)) is None else round(std, 6),
                **{"seeds": len(group.values(metric)), "protocol": group.protocol},
            }


def _printed(figure: Any) -> _Row:
    if figure is None:
        return {"published": NONE, "source": NONE, "verified": NONE}
    return {"published": figure.value, "source": figure.source, "verified": figure.verified}


def _only_printed(dataset: str, figure: Any) -> _Row:
    names = {"dataset": dataset, "method": figure.method, "variant": figure.variant, "metric": figure.metric}
    return {**names, **_printed(figure), **dict.fromkeys(COLUMNS[7:9], NOT_RUN), "seeds": 0, "protocol": NOT_RUN}


# --- for people -----------------------------------------------------------------------------------------------------


def _wide(selection: Selection, dataset: str, long: pd.DataFrame) -> Table:
    keys = list(dict.fromkeys(zip(long.method, long.variant, long.protocol, strict=True)))
    cells = {key: [_cell(long, key, metric) for metric in SHOWN] for key in keys}
    shown = [key for key in keys if any(cell != NOTHING for cell in cells[key])]
    ordered = [key for key in shown if key[2] != NOT_RUN]
    in_print = [key for key in shown if key[2] == NOT_RUN]
    ordered += sorted(in_print, key=lambda key: -_first_published(long, key))
    protocols = sorted({key[2] for key in ordered} - {NOT_RUN})
    tell = len(protocols) > 1
    methods = selection["methods"]
    names = [[title_of(methods, m), v, *([p if p != NOT_RUN else "in print"] if tell else [])] for m, v, p in ordered]
    rows = [[*name, *cells[key]] for name, key in zip(names, ordered, strict=True)]
    title = f"{title_of(selection['datasets'], dataset)}: precision, reproduced and [published], in percent"
    headers = ["method", "variant", *(["protocol"] if tell else []), *SHOWN]
    notes = [*_notes(long, rows), *([] if tell else [f"Protocol: {', '.join(protocols) or NOT_RUN}."])]
    return Table(title, headers, rows, "l" * (len(headers) - len(SHOWN)) + "r" * len(SHOWN), notes)


def _cell(long: pd.DataFrame, key: tuple[str, str, str], metric: str) -> str:
    """`84.31 ± 0.21 [84.60†]`: mean, std where there are seeds enough, the first published figure with its marks."""
    method, variant, protocol = key
    own = (long.method == method) & (long.variant == variant) & (long.protocol == protocol)
    rows = long[own & (long.metric == metric)].to_dict("records")
    if not rows:
        return NOTHING
    first, parts = rows[0], []
    if first["reproduced_mean"] != NOT_RUN:
        std = first["reproduced_std"]
        parts.append(f"{float(first['reproduced_mean']):.2f}" + ("" if std == MISSING else f" ± {float(std):.2f}"))
    if first["published"] != NONE:
        marks = "†" * (first["verified"] == "recalled")
        marks += "‡" * (len({float(row["published"]) for row in rows}) > 1)
        parts.append(f"[{float(first['published']):.2f}{marks}]")
    return " ".join(parts)


def _first_published(long: pd.DataFrame, key: tuple[str, str, str]) -> float:
    rows = long[(long.method == key[0]) & (long.variant == key[1]) & (long.metric == "P@1")]
    return float(rows.iloc[0].published) if len(rows) else 0.0


def _notes(long: pd.DataFrame, rows: Sequence[Sequence[str]]) -> list[str]:
    text = " ".join(cell for row in rows for cell in row[-len(SHOWN) :])
    counts = [int(seeds) for seeds in long.seeds if int(seeds)] or [0]
    seeds = " to ".join(map(str, sorted({min(counts), max(counts)})))
    notes = [f"Seeds a row: {seeds}; ± is the sample standard deviation over them, absent for one seed."]
    if "†" in text:
        notes.append("† recalled: nobody could check this figure in its source.")
    if "‡" in text:
        notes.append("‡ sources disagree: comparison.csv gives each.")
    return notes


# --- datasets and cost ----------------------------------------------------------------------------------------------


def _dataset_rows(name: str, entry: dict[str, Any], published: pd.DataFrame) -> Iterator[_Row]:
    path = Path(entry["stats"])
    computed = _canonical(read_json(path)) if path.is_file() else {}
    expected = _canonical(entry.get("expected") or {})
    printed = published[(published.dataset == entry.get("published_as")) & published.metric.isin(_STATISTICS)]
    wanted = [*(s for s in _STATISTICS if s in {*computed, *expected, *printed.metric}), *expected, *computed]
    for statistic in dict.fromkeys(wanted):
        for figure in [*printed[printed.metric == statistic].itertuples()] or [None]:
            measured = {"computed": computed.get(statistic, MISSING), "expected": expected.get(statistic, NONE)}
            yield {"dataset": name, "statistic": statistic, **measured, **_printed(figure)}


def _canonical(statistics: dict[str, Any]) -> dict[str, Any]:
    """Numbers only, under the names of published tables where a statistic has one."""
    names = {alias: name for name, aliases in _STATISTICS.items() for alias in (name.lower(), *aliases)}
    numbers = {key: v for key, v in statistics.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return {names.get(key.lower(), key): value for key, value in numbers.items()}


def _cost_row(selection: Selection, group: Group, groups: list[Group], published: pd.DataFrame) -> _Row:
    parts = members_of(group, groups) or [group]
    name = selection["datasets"][group.dataset].get("published_as")
    printed = _match(selection, group, groups, published[published.dataset == name])
    hours = printed[printed.metric == "train_hours"].head(1)
    sizes = printed[printed.metric.isin(["model_size_gib", "model_size_gb"])]
    size = sizes.sort_values("metric").tail(1)  # in GiB where both are in print
    used = [*hours.itertuples(), *size.itertuples()]
    return {
        **{"dataset": group.dataset, "method": group.method, "variant": group.variant, "protocol": group.protocol},
        **{"seeds": len(group.runs), "wall_seconds": _rounded(training_seconds(group, groups))},
        "peak_memory_gib": _rounded(peak_memory_gib(group, groups)),
        "model_bytes": _rounded(model_bytes(group, groups)),
        "ms_a_document": _rounded(milliseconds_a_document(group, groups), 4),
        "hardware": "; ".join(dict.fromkeys(_hardware(run.provenance) for part in parts for run in part.runs))
        or MISSING,
        "published_train_hours": float(hours.value.iloc[0]) if len(hours) else NONE,
        "published_model_gb": float(size.value.iloc[0]) if len(size) else NONE,
        "source": "; ".join(dict.fromkeys(figure.source for figure in used)) or NONE,
        "verified": "; ".join(dict.fromkeys(figure.verified for figure in used)) or NONE,
    }


def _rounded(value: float | None, digits: int = 3) -> float | str:
    return MISSING if value is None else round(value, digits)


def _hardware(provenance: dict[str, Any]) -> str:
    hardware = provenance.get("hardware")
    if not isinstance(hardware, dict):
        return MISSING
    parts = [hardware.get("gpu"), hardware.get("cpu"), f"{hardware['cores']} cores" if hardware.get("cores") else None]
    return ", ".join(str(part) for part in parts if part) or MISSING


# --- writing --------------------------------------------------------------------------------------------------------

_HEADERS = {
    **{"wall_seconds": "training time", "peak_memory_gib": "peak GiB", "model_bytes": "model GiB"},
    "ms_a_document": "prediction ms a document",
    **{"published_train_hours": "published hours", "published_model_gb": "published size"},
}
_OTHERS = {
    "datasets": ("Datasets", "llrrrll", ()),
    "cost": (
        *("Cost of training", "llllrrrrrlrrll"),
        ("Means over the seeds; for an ensemble, time and size are summed over its members, memory is their largest.",),
    ),
}


def _plain(column: str, value: Any) -> str:
    try:
        value = float(value)
    except ValueError:
        return str(value)
    if column == "wall_seconds":
        return duration(value)
    if column == "model_bytes":
        return f"{value / 2**30:.3f}"
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"


def duration(seconds: float) -> str:
    """`42 s`, `12 min 5 s` or `3 h 7 min`."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _write(stem: Path, frame: pd.DataFrame, tables: Sequence[Table]) -> None:
    write_text(stem.with_suffix(".csv"), frame.to_csv(index=False, lineterminator="\n"))
    write_text(stem.with_suffix(".md"), "\n".join(table.markdown() for table in tables))
    write_text(stem.with_suffix(".tex"), "\n".join(table.latex() for table in tables))
