"""The rules of a target and what needs what, from the download down to the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import BLUE, WIDTH
from lightxml_core.selection import Selection

Edge = tuple[str, str]
Edges = set[Edge]


def rules(selection: Selection) -> Figure:
    """Boxes in rows, each rule below all that it needs; the selection's `rules`, or all there are where it names none.

    What needs what is in assets/rules.json, which docs/rulegraph.py writes.
    """
    text = resources.files("lightxml_core.reporting.page").joinpath("assets", "rules.json").read_text(encoding="utf-8")
    chosen = None
    every = {(a, b) for a, b in json.loads(text) if chosen is None or (a in chosen and b in chosen)}
    edges = sorted(reduced(every))
    at = _places(edges)
    rows = 1 + max(row for _, row in at.values())
    figure = Figure(figsize=(WIDTH, 0.52 * rows))
    axes = figure.subplots()
    for edge in edges:
        _arrow(axes, at[edge[0]], at[edge[1]])
    for rule, (x, row) in at.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": BLUE}
        axes.text(x, -row, rule, ha="center", va="center", fontsize=8, bbox=box)
    axes.set(xlim=(0, 1), ylim=(0.6 - rows, 0.5))
    axes.axis("off")
    return figure


def reduced(edges: Edges) -> Edges:
    """The edges that no longer way implies."""

    def reaches(start: str, end: str, without: Edge) -> bool:
        following = {b for a, b in edges if a == start and (a, b) != without}
        return end in following or any(reaches(rule, end, without) for rule in following)

    return {edge for edge in edges if not reaches(*edge, without=edge)}


def _places(edges: Sequence[Edge]) -> dict[str, tuple[float, int]]:
    """Each rule's place: x from 0 to 1 in its row, near those it needs, and its row, one below the lowest of them.

    A rule that needs nothing stands right above the first that needs it.
    """
    needs: dict[str, list[str]] = {}
    for a, b in edges:
        needs.setdefault(a, [])
        needs.setdefault(b, []).append(a)

    def row(rule: str) -> int:
        return max((1 + row(need) for need in needs[rule]), default=0)

    def shown(rule: str) -> int:
        return row(rule) if needs[rule] else min(row(b) for a, b in edges if a == rule) - 1

    by_row: dict[int, list[str]] = {}
    for rule in sorted(needs):
        by_row.setdefault(shown(rule), []).append(rule)
    places: dict[str, tuple[float, int]] = {}
    for number in sorted(by_row):
        own = sorted(by_row[number], key=lambda rule: sum(places[n][0] for n in needs[rule]) / max(1, len(needs[rule])))
        places |= {rule: ((i + 0.5) / len(own), number) for i, rule in enumerate(own)}
    return places


def _arrow(axes: Axes, start: tuple[float, int], end: tuple[float, int]) -> None:
    bend = 0.0 if end[1] - start[1] == 1 else 0.2 if start[0] >= 0.5 else -0.2  # around the rows between
    style = {"arrowstyle": "-|>", "color": "#888888", "shrinkA": 0, "shrinkB": 0, "connectionstyle": f"arc3,rad={bend}"}
    axes.annotate("", (end[0], 0.22 - end[1]), (start[0], -0.22 - start[1]), arrowprops=style)
