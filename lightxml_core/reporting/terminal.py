"""The table that ends a run: plain text, at most 100 columns. Imports nothing heavy."""

from __future__ import annotations

import csv
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from lightxml_core.archive.verdict import Outcome
from lightxml_core.evaluation.catalogue import HEADLINE, best_of
from lightxml_core.reporting.costs import members_of, training_seconds
from lightxml_core.reporting.numbers import MISSING, NONE
from lightxml_core.reporting.runs import Group, groups_of, of_dataset
from lightxml_core.reporting.splits import has_splits
from lightxml_core.reporting.titles import clip, title_alone, title_of, titles_of, width
from lightxml_core.selection import MethodInfo, Selection

_RIVALS = ("Parabel", "Bonsai")
_NAMES, _FIGURES = 36, (*(len(HEADLINE) * (8,)), 5, 9)  # characters of a row's names, and of its figures
_TITLE = 22


def terminal_table(selection: Selection) -> str:
    """One block per dataset, one row per method and member: means over the seeds in percent, the best value starred.

    Seconds are training wall time, mean over seeds, `-` where none was recorded; an ensemble's are the sum of
    its members'. A sentence names each LightXML ensemble that has a lower P@1 than Parabel, Bonsai or its best member.
    """
    groups = groups_of(selection)
    blocks = [_block(selection, name, of_dataset(groups, name)) for name in selection.datasets]
    return "\n\n".join(blocks) + "\n"


def verdict_line(verdicts: Path) -> str:
    """How many published figures got each verdict, from the file that the tables left."""
    with verdicts.open(encoding="utf-8", newline="") as opened:
        counted = Counter(row["verdict"] for row in csv.DictReader(opened))
    return "published figures: " + (", ".join(f"{number:,} {what}" for what, number in counted.most_common()) or "none")


def archive_line(archived: Path) -> str:
    """How many figures are as in the archive and the largest difference, from the file that the tables left."""
    with archived.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    compared = [row for row in rows if row["outcome"] != Outcome.NOT_COMPARED]
    if not rows:
        return "archived figures: none of this target"
    left = f"{len(rows) - len(compared):,} not compared, because their settings differ" * (len(compared) < len(rows))
    if not compared:
        return f"archived figures: {left}"
    kept = [row for row in compared if row["outcome"] != Outcome.OFF]
    most = max(compared, key=lambda row: abs(float(row["difference"])))
    why = f"{most['method']} on {most['dataset']}" + f"; {most['unseeded']}" * (most["unseeded"] != NONE)
    largest = f"largest difference {abs(float(most['difference'])):.2f} {most['metric']} ({why})"
    return "; ".join(filter(None, [f"{len(kept):,} of {len(compared):,} figures as archived", largest, left]))


def suggestions(selection: Selection) -> str:
    """Things to do with a finished target, a line each."""
    groups = [group for group in groups_of(selection) if not group.is_ensemble and group.mean("P@1") is not None]
    best = max(groups, key=lambda group: group.mean("P@1") or 0.0, default=None)
    lines = ["read the report in a browser: it has every figure and says how each was made"]
    if best is not None:
        model = best.results[0].run.path / "model"
        lines.append(f'tag a text: .venv/bin/python -m lightxml_core predict --model {model} --explain "your text"')
    return "\n".join(f"  {line}" for line in (*lines, "run your own documents: docs/add-a-dataset.md"))


def notes_of(selection: Selection) -> list[str]:
    """The sentences that `terminal_table` puts below its blocks, each with its dataset's title before it."""
    groups = groups_of(selection)
    notes = [(group.dataset, _losses(selection, group, of_dataset(groups, group.dataset))) for group in groups]
    return [f"{title_of(selection.datasets, name)}: {' '.join(note.split())}" for name, note in notes if note]


def _block(selection: Selection, dataset: str, groups: list[Group]) -> str:
    heading = title_alone(selection.datasets, dataset)
    heading += "" if heading == dataset else f" ({dataset})"
    if not groups:
        return f"{heading}\nno runs"
    best = {metric: best_of(metric, [v for g in groups if (v := g.mean(metric)) is not None]) for metric in HEADLINE}
    columns = ["method", "member", *(["protocol"] if len({group.protocol for group in groups}) > 1 else [])]
    head, *names = _names(selection, columns, groups)
    header = _line(head, [*(f"{metric} " for metric in HEADLINE), "seeds", "seconds"])
    rows = [_line(own, _figures(group, groups, best)) for own, group in zip(names, groups, strict=True)]
    notes = [note for group in groups if (note := _losses(selection, group, groups))]
    over = "; means over splits, one seed per split" if has_splits(selection, dataset) else ""
    return "\n".join([heading, header, "-" * len(header), *rows, f"* best in its column{over}", *notes])


def _names(selection: Selection, columns: list[str], groups: list[Group]) -> list[str]:
    """The heading of the names and those of each group, of one width.

    Methods are named by their titles. Where two titles would be cut to the same text, names replace them; where two
    names would be, nothing is cut.
    """
    titles = titles_of(selection.methods)
    rows = [[titles[group.method], group.variant, group.protocol or MISSING][: len(columns)] for group in groups]
    named = [[group.method, *row[1:]] for group, row in zip(groups, rows, strict=True)]
    for table in ([columns, *rows], [columns, *named]):
        found = _aligned(table, _widths(table))
        if len(set(found)) == len(found):
            return found
    return _aligned(table, [max(map(width, column)) for column in zip(*table, strict=True)])


def _aligned(table: list[list[str]], widths: list[int]) -> list[str]:
    clipped = ([clip(name, most) for name, most in zip(row, widths, strict=True)] for row in table)
    return [" ".join(n + " " * (w - width(n)) for n, w in zip(row, widths, strict=True)) for row in clipped]


def _figures(group: Group, groups: list[Group], best: dict[str, float | None]) -> list[str]:
    cells = []
    for metric in HEADLINE:
        mean = group.mean(metric)
        cells.append("- " if mean is None else f"{mean:.2f}" + ("*" if mean == best[metric] else " "))
    seconds = training_seconds(group, groups)
    return [*cells, str(len(group.results)), "-" if seconds is None else f"{seconds:,.0f}"]


def _widths(names: list[list[str]]) -> list[int]:
    """The widths of the columns of names. A protocol is never cut; a title, which repeats, is cut before a member."""
    title, member, *protocol = (max(map(width, column)) for column in zip(*names, strict=True))
    left = _NAMES - sum(own + 1 for own in protocol)
    title = max(min(title, _TITLE, left - member), min(title, left // 3))
    return [title, left - title, *protocol]


def _line(names: str, figures: list[str]) -> str:
    right = [cell.rjust(columns) for cell, columns in zip(figures, _FIGURES, strict=True)]
    return f"{names} {''.join(right)}".rstrip()


def _losses(selection: Selection, group: Group, groups: list[Group]) -> str:
    """The sentence for a LightXML ensemble with a lower P@1 than its rivals, else an empty text."""
    method = selection.methods[group.method]
    mean = group.mean("P@1")
    if not group.is_ensemble or method.implementation != "lightxml" or mean is None:
        return ""
    found = [_loss(mean, name, rival.mean("P@1")) for name, rival in _opponents(selection, group, groups)]
    said = " and ".join(filter(None, found))
    title = title_of(selection.methods, group.method)
    return textwrap.fill(f"The ensemble of {title} ({mean:.2f} P@1) is {said}.", 96) if said else ""


def _opponents(selection: Selection, group: Group, groups: list[Group]) -> list[tuple[str, Group]]:
    """The best Parabel, the best Bonsai and the ensemble's best member, each with its name in the sentence."""
    titles, found = titles_of(selection.methods), []
    for rival in _RIVALS:
        if best := _best(g for g in groups if _is(rival, g.method, selection.methods[g.method])):
            found.append((titles[best.method], best))
    if best := _best(members_of(group, groups)):
        found.append((f"its own best member {best.variant}", best))
    return found


def _best(groups: Iterable[Group]) -> Group | None:
    return max(groups, key=lambda group: group.mean("P@1") or 0.0, default=None)


def _is(rival: str, method: str, entry: MethodInfo) -> bool:
    """Whether a method is a rival or a variant of it, by its published name or that of its file."""
    return entry.published_as == rival or method.split("-")[0] == rival.casefold()


def _loss(mean: float, name: str, other: float | None) -> str:
    lost = other is not None and other - mean >= 0.005  # less would print as 0.00
    return f"{other - mean:.2f} points below {name} ({other:.2f})" if lost and other is not None else ""
