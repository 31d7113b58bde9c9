"""The table that ends a run: plain text, at most 100 columns. Imports nothing heavy."""

from __future__ import annotations

import csv
import textwrap
from collections import Counter
from pathlib import Path

from lightxml_core.reporting.costs import members_of, training_seconds
from lightxml_core.reporting.runs import ENSEMBLE, SHOWN, Group, Selection, groups_of, of_dataset, title_of

_RIVALS = ("Parabel", "Bonsai")
_NAMES, _FIGURES = 36, (*(len(SHOWN) * (8,)), 5, 9)  # characters of a row's names, and of its figures
_TITLE = 22


def terminal_table(selection: Selection) -> str:
    """One block a dataset: a row a method and member, the mean over its seeds in percent, the best value starred.

    Seconds are training wall time, mean over seeds, `-` where none was recorded; an ensemble's are its members'
    together. A LightXML ensemble that loses at P@1 to Parabel, Bonsai or its own best member gets a sentence.
    """
    groups = groups_of(selection)
    blocks = [_block(selection, name, of_dataset(groups, name)) for name in selection["datasets"]]
    return "\n\n".join(blocks) + "\n"


def verdict_line(verdicts: Path) -> str:
    """How the figures in print fared, from the file that the tables left."""
    with verdicts.open(encoding="utf-8", newline="") as opened:
        counted = Counter(row["verdict"] for row in csv.DictReader(opened))
    return "figures in print: " + (", ".join(f"{number:,} {what}" for what, number in counted.most_common()) or "none")


def notes_of(selection: Selection) -> list[str]:
    """The sentences that `terminal_table` puts below its blocks, each with its dataset's title before it."""
    groups = groups_of(selection)
    notes = [(group.dataset, _honest(selection, group, of_dataset(groups, group.dataset))) for group in groups]
    return [f"{title_of(selection['datasets'], name)}: {' '.join(note.split())}" for name, note in notes if note]


def _block(selection: Selection, dataset: str, groups: list[Group]) -> str:
    heading = title_of(selection["datasets"], dataset)
    heading += "" if heading == dataset else f" ({dataset})"
    if not groups:
        return f"{heading}\nno runs"
    best = {metric: max((v for g in groups if (v := g.mean(metric)) is not None), default=None) for metric in SHOWN}
    told = ["method", "member", *(["protocol"] if len({group.protocol for group in groups}) > 1 else [])]
    names = [_names_of(selection, group)[: len(told)] for group in groups]
    widths = _widths([told, *names])
    header = _line(told, widths, [*(f"{metric} " for metric in SHOWN), "seeds", "seconds"])
    rows = [_line(own, widths, _figures(group, groups, best)) for own, group in zip(names, groups, strict=True)]
    notes = [note for group in groups if (note := _honest(selection, group, groups))]
    return "\n".join([heading, header, "-" * len(header), *rows, "* best of its column", *notes])


def _names_of(selection: Selection, group: Group) -> list[str]:
    return [title_of(selection["methods"], group.method), group.variant, group.protocol]


def _figures(group: Group, groups: list[Group], best: dict[str, float | None]) -> list[str]:
    cells = []
    for metric in SHOWN:
        mean = group.mean(metric)
        cells.append("- " if mean is None else f"{mean:.2f}" + ("*" if mean == best[metric] else " "))
    seconds = training_seconds(group, groups)
    return [*cells, str(len(group.runs)), "-" if seconds is None else f"{seconds:,.0f}"]


def _widths(names: list[list[str]]) -> list[int]:
    """Of the columns of names: a protocol is never cut; the member comes next, and the title, which repeats, last."""
    title, member, *protocol = (max(map(len, column)) for column in zip(*names, strict=True))
    left = _NAMES - sum(width + 1 for width in protocol)
    title = max(min(title, _TITLE, left - member), min(title, left // 3))
    return [title, left - title, *protocol]


def _line(names: list[str], widths: list[int], figures: list[str]) -> str:
    left = [_clip(name, width).ljust(width) for name, width in zip(names, widths, strict=True)]
    right = [cell.rjust(width) for cell, width in zip(figures, _FIGURES, strict=True)]
    return " ".join([*left, "".join(right)]).rstrip()


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _honest(selection: Selection, group: Group, groups: list[Group]) -> str:
    """The sentence for a LightXML ensemble that does not win at P@1, else nothing."""
    method = selection["methods"][group.method]
    mean = group.mean("P@1")
    if group.variant != ENSEMBLE or method.get("implementation") != "lightxml" or mean is None:
        return ""
    losses = [_loss(mean, name, rival.mean("P@1")) for name, rival in _opponents(selection, group, groups)]
    said = " and ".join(filter(None, losses))
    title = title_of(selection["methods"], group.method)
    return textwrap.fill(f"The ensemble of {title} ({mean:.2f} P@1) is {said}.", 96) if said else ""


def _opponents(selection: Selection, group: Group, groups: list[Group]) -> list[tuple[str, Group]]:
    """Best run of Parabel, of Bonsai, and the ensemble's own best member, each with the words to name it."""
    named = []
    for rival in _RIVALS:
        named.append((rival, [g for g in groups if rival.casefold() in _names(selection, g.method)]))
    members = members_of(group, groups)
    named.append(("its own best member", members))
    bests = [(name, max(found, key=lambda g: g.mean("P@1") or 0.0)) for name, found in named if found]
    return [(f"{name} {g.variant}" if name.startswith("its") else name, g) for name, g in bests]


def _names(selection: Selection, method: str) -> str:
    entry = selection["methods"][method]
    return f"{method} {entry.get('published_as') or ''} {entry.get('title') or ''}".casefold()


def _loss(mean: float, name: str, other: float | None) -> str:
    lost = other is not None and other - mean >= 0.005  # less would print as 0.00
    return f"{other - mean:.2f} points below {name} ({other:.2f})" if lost and other is not None else ""
