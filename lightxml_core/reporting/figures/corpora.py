"""What the datasets are like: how often labels occur, how long texts are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.files import read_json
from lightxml_core.reporting.figures.style import BLUE, GREEN, nothing, plain_numbers, say
from lightxml_core.reporting.runs import Selection, title_of


def corpora(selection: Selection) -> Figure:
    """A row a dataset: its labels by their training documents, and its training documents by their words."""
    found = {name: _distributions(entry) for name, entry in selection["datasets"].items()}
    names = [name for name, distributions in found.items() if distributions]
    if not names:
        return nothing("no corpus prepared")
    figure = Figure(figsize=(7.4, 2.6 * len(names)))
    for row, name in zip(figure.subfigures(len(names), 1, squeeze=False)[:, 0], names, strict=True):
        row.suptitle(title_of(selection["datasets"], name), x=0.01, ha="left", fontsize=10, fontweight="bold")
        labels, words = row.subplots(1, 2)
        _doubling(labels, found[name]["labels_by_documents"], BLUE, "labels", "training documents")
        _doubling(words, found[name]["documents_by_words"], GREEN, "training documents", "words")
    return figure


def _distributions(entry: dict[str, Any]) -> dict[str, list[int]]:
    path = Path(entry["stats"])
    return dict(read_json(path).get("distributions", {})) if path.is_file() else {}


def _doubling(axes: Axes, counts: list[int], colour: str, title: str, along: str) -> None:
    """Bars of counts, see `statistics.by_doubling`: of 0, of 1, of 2 and 3, of 4 to 7, and so on."""
    axes.set_title(title)
    if not counts:
        return say(axes, "no texts")
    names = ["0", "1", *(f"{2**i:,}+" for i in range(1, len(counts) - 1))][: len(counts)]
    axes.bar(range(len(counts)), counts, 0.9, color=colour)
    every = -(-len(counts) // 8)
    axes.set_xticks(range(0, len(counts), every), names[::every], fontsize=8)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7)
    plain_numbers(axes.yaxis)
    axes.tick_params(labelsize=8)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel(along, fontsize=8)
