"""The README's picture of the demonstration, drawn from the archived runs. The file also has the figures as text.

The text is compared to find out whether the picture is out of date, because the bytes of the drawing depend on the
versions of the libraries.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib as mpl
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from docs.measured import ROOT_OF_ARCHIVE, archived
from lightxml_core.archive.trail import archived_place
from lightxml_core.errors import InputError
from lightxml_core.files import atomic_path
from lightxml_core.registry import load_registry
from lightxml_core.registry.yaml_files import read_config
from lightxml_core.reporting.figures.fonts import drawable
from lightxml_core.reporting.figures.precision import draw
from lightxml_core.reporting.figures.style import STYLE, save
from lightxml_core.reporting.runs import Group, groups_of
from lightxml_core.selection import Selection

ROOT = Path(__file__).parents[1]
PICTURE, TARGET, KEY = ROOT / "docs/demo-precision.png", "demo", "Figures"
METRICS = ("P@1", "P@3", "P@5")


def shown() -> tuple[list[Group], str]:
    """The methods of the demonstration that are archived, with their archived metrics, and their figures as JSON.

    InputError if none is archived.
    """
    groups, figures = [], {}
    for group in groups_of(selection()):
        places = [archived_place(result.run) for result in group.results]
        if all(place in archived() for place in places):
            for place, result in zip(places, group.results, strict=True):
                entry = archived()[place]
                vars(result)["metrics"] = {name: figure.value for name, figure in entry.metrics.items()}
                figures[place.as_posix()] = {name: round(entry.metrics[name].value, 2) for name in METRICS}
            groups.append(group)
    if not groups:
        raise InputError(f"{ROOT_OF_ARCHIVE} holds no run of the target {TARGET}: make archive TARGET={TARGET}")
    return groups, json.dumps(figures)


@cache
def selection() -> Selection:
    """The datasets, methods and runs of the demonstration."""
    return load_registry(ROOT, read_config(ROOT / "config.yaml")).selection(TARGET)


def stale() -> str | None:
    """What is wrong with the picture; None if it shows the archived figures."""
    with Image.open(PICTURE) as picture:
        drawn, archived_now = json.loads(picture.info.get(KEY, "{}")), json.loads(shown()[1])
    wrong = next((name for name in drawn | archived_now if drawn.get(name) != archived_now.get(name)), None)
    if wrong is None:
        return None
    source = f"{ROOT_OF_ARCHIVE.name}/{wrong}"
    return f"{PICTURE}: shows {drawn.get(wrong)}, but the source {source} has {archived_now.get(wrong)}"


def write() -> None:
    """Draw the picture anew."""
    described, families = drawable(selection())
    groups, figures = shown()
    [dataset] = described.datasets
    text = PngInfo()
    text.add_text(KEY, figures)
    with mpl.rc_context({**STYLE, "font.family": families}), TemporaryDirectory() as folder:
        figure = draw(described, dataset, groups)
        assert figure is not None, "there are groups with these metrics"
        save(figure, Path(folder) / "picture")
        with Image.open(Path(folder) / "picture.png") as picture, atomic_path(PICTURE) as temporary:
            picture.save(temporary, format="png", pnginfo=text, dpi=picture.info.get("dpi"), optimize=True)
