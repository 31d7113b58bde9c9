"""What dynamic negatives are worth: validation precision by how the negative labels are drawn."""

from __future__ import annotations

import json

from matplotlib.figure import Figure

from lightxml_core.reporting.figures.curves import draw_panels, logged, validations
from lightxml_core.reporting.figures.style import canvas
from lightxml_core.reporting.runs import Group
from lightxml_core.selection import Selection


def draw(selection: Selection, dataset: str, groups: list[Group]) -> Figure | None:
    """Validation P@1, P@3 and P@5 of the members of a method that differ in nothing but their negatives."""
    own = (run for run in selection.runs if run.dataset == dataset)
    settings = {(run.method, run.variant): run.settings for run in own}
    alike: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        chosen = settings[group.method, group.variant]
        if chosen is not None and logged(validations(), [group]):
            rest = {key: value for key, value in chosen.items() if key != "negatives"}
            alike.setdefault((group.method, json.dumps(rest, sort_keys=True)), []).append(group)
    shown = max(alike.values(), key=len, default=[])
    if len({(settings[group.method, group.variant] or {}).get("negatives") for group in shown}) < 2:
        return None
    figure = canvas(selection, dataset, shown, 2.4)
    draw_panels(figure, logged(validations(), shown), shown, "documents encoded")
    return figure
