"""Whether a score of 0.8 is right eight times in ten."""

from __future__ import annotations

from matplotlib.figure import Figure

from lightxml_core.reporting.figures.style import label, line_styles, nothing
from lightxml_core.reporting.runs import Group, Selection, of_dataset, title_of


def calibration(selection: Selection, groups: list[Group]) -> Figure:
    """A panel a dataset: the share of predicted labels that are true, by the tenth that their score lies in.

    Of each method and variant the first seed, if its scores lie between 0 and 1.
    """
    shown = [group for group in groups if group.runs[0].calibration]
    names = [name for name in selection["datasets"] if of_dataset(shown, name)]
    if not names:
        return nothing("no scores between 0 and 1")
    figure = Figure(figsize=(6.6, 3.4 * len(names)))
    for axes, name in zip(figure.subplots(len(names), 1, squeeze=False)[:, 0], names, strict=True):
        own = of_dataset(shown, name)
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="as it should be")
        for group, style in zip(own, line_styles(len(own)), strict=True):
            found = group.runs[0].calibration
            words = label(selection, group, own).replace("\n", ", ")
            axes.plot([b["score"] for b in found], [b["true"] for b in found], marker="o", ms=3, label=words, **style)
        axes.set(
            xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="mean score of a tenth", ylabel="share of true labels"
        )
        axes.set_title(title_of(selection["datasets"], name), fontweight="bold")
        axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=8, handlelength=3.2)
    return figure
