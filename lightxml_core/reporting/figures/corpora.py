"""The distributions of a corpus: documents per label and words per document."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightxml_core.files import read_json, unchanged
from lightxml_core.reporting.figures.style import BLUE, GREEN, WIDTH, head, plain_numbers
from lightxml_core.reporting.runs import Group
from lightxml_core.selection import Selection

_PANELS = {
    "labels_by_documents": (BLUE, "labels", "training documents"),
    "documents_by_words": (GREEN, "training documents", "words"),
}


def draw(selection: Selection, dataset: str, _: list[Group]) -> Figure | None:
    """The labels by their training documents, and the training documents by their words, where there are texts."""
    path = selection.datasets[dataset].stats
    counted = read_json(unchanged(path)).get("distributions", {}) if path.is_file() else {}
    shown = [name for name in _PANELS if counted.get(name)]
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, 2.6))
    head(figure, selection, dataset)
    for axes, name in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        _doubling(axes, counted[name], *_PANELS[name])
    return figure


def _doubling(axes: Axes, counts: list[int], colour: str, title: str, along: str) -> None:
    """Bars of counts, see `statistics.doubling_histogram`: of 0, of 1, of 2 and 3, of 4 to 7, and so on."""
    axes.set_title(title)
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
