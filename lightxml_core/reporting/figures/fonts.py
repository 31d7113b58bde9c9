"""Titles in any script: drawn with the fonts of this machine, or replaced by names where no font has the characters."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import matplotlib as mpl
from matplotlib import font_manager

from lightxml_core.reporting.titles import clip, title_alone
from lightxml_core.selection import DatasetInfo, MethodInfo, Selection

Info = TypeVar("Info", DatasetInfo, MethodInfo)
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it warns of each family without a bold weight
_DATASET, _METHOD = 64, 36  # columns of a title that a figure has room for
_EMPTY = re.compile("last ?resort|blank|colou?r", re.IGNORECASE)  # have a box, nothing or a picture for a character
_SELECTORS = frozenset([0x34F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])  # change others, have no glyph


def drawable(selection: Selection) -> tuple[Selection, list[str]]:
    """The selection with texts that figures can show, and the families of the fonts that have their characters.

    A name replaces a title that no font of this machine can draw; a long title is cut. In a variant `?` replaces each
    character that cannot be drawn.
    """
    titles = [title_alone(entries, name) for entries in (selection.datasets, selection.methods) for name in entries]
    variants = {run.variant for run in selection.runs}
    families, lacking = _families([*titles, *variants])
    drawn = {variant: "".join("?" if c in lacking else c for c in variant) for variant in variants}
    return replace(
        selection,
        datasets=_shown(selection.datasets, _DATASET, lacking),
        methods=_shown(selection.methods, _METHOD, lacking),
        runs=tuple(replace(run, variant=drawn[run.variant]) for run in selection.runs),
    ), families


def _shown(entries: Mapping[str, Info], most: int, lacking: set[str]) -> dict[str, Info]:
    titles = {name: title_alone(entries, name) for name in entries}
    return {
        name: replace(entries[name], title=None if lacking & set(title) else clip(title, most))
        for name, title in titles.items()
    }


def _families(texts: Iterable[str]) -> tuple[list[str], set[str]]:
    """The default families and as few others as have what those lack; the characters that none of them has."""
    families = list(mpl.rcParams["font.family"])
    lacking = {character for text in texts for character in text if not _ignorable(character)}
    for family in families:
        lacking -= _common(_used(family), lacking)
    others = {family: _common(paths, lacking) for family, paths in _installed().items()} if lacking else {}
    region = _region(lacking)
    while any(lacking & own for own in others.values()):
        best = min(others, key=lambda family: (-len(lacking & others[family]), *_rank(family, region)))
        families.append(best)
        lacking -= _common(_used(best), others.pop(best))
    return families, lacking


def _used(family: str) -> list[str]:
    """The files of the two weights that figures have."""
    weights = (font_manager.FontProperties(family=[family], weight=weight) for weight in ("normal", "bold"))
    return [font_manager.findfont(weight) for weight in weights]


def _common(paths: Iterable[str], characters: set[str]) -> set[str]:
    """Those characters that each of the fonts has."""
    found = set(characters)
    for path in paths:
        if found:
            known = font_manager.get_font(path).get_charmap()
            found = {character for character in found if ord(character) in known}
    return found


def _installed() -> dict[str, list[str]]:
    """The upright fonts of each family here, those included that were installed after matplotlib listed them."""
    manager = font_manager.fontManager
    for path in sorted({*font_manager.findSystemFonts()} - {str(entry.fname) for entry in manager.ttflist}):
        with suppress(Exception):  # a font that matplotlib cannot read, whatever is wrong with it
            manager.addfont(path)
    found: dict[str, list[str]] = {}
    for entry in manager.ttflist:
        if entry.style == "normal" and Path(entry.fname).is_file() and not _EMPTY.search(entry.name):
            found.setdefault(entry.name, []).append(str(entry.fname))
    return found


def _rank(family: str, region: str) -> tuple[bool, bool, bool, str]:
    return (not family.endswith(region), "Sans" not in family, "Mono" in family, family)


def _region(characters: set[str]) -> str:
    """The suffix of the fonts that have the shapes of Han characters of Korea, Japan or mainland China."""
    names = " ".join(unicodedata.name(character, "") for character in characters)
    return "KR" if "HANGUL" in names else "JP" if "KATAKANA" in names or "HIRAGANA" in names else "SC"


def _ignorable(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf" or ord(character) in _SELECTORS
