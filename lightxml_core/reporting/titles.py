"""The titles of datasets, methods and models as they are shown, no two of them alike. Imports nothing heavy."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from lightxml_core.reporting.numbers import MISSING
from lightxml_core.reporting.runs import Group
from lightxml_core.selection import DatasetInfo, MethodInfo, Selection

Titled = DatasetInfo | MethodInfo
_INVISIBLE = ("Cc", "Cf", "Mn", "Me")


def made_distinct(shown: Mapping[str, str], taken: Collection[str] = ()) -> dict[str, str]:
    """The text that is shown for each name, with the name in brackets where two texts look alike.

    Texts look alike if they differ in nothing but case, width, white space or invisible characters. taken: texts shown
    beside these, which none of these may look like.
    """
    distinct, named = dict(shown), set[str]()
    while True:
        counted = Counter(map(_folded, [*taken, *distinct.values()]))
        alike = {name for name, text in distinct.items() if counted[_folded(text)] > 1} - named
        if not alike:
            return distinct
        named |= alike
        distinct |= {name: f"{shown[name]} ({name})" for name in alike}


def titles_of(entries: Mapping[str, Titled], taken: Collection[str] = ()) -> dict[str, str]:
    """The title of each of the selection's datasets or methods, made distinct; the name where there is no title."""
    return made_distinct({name: title_alone(entries, name) for name in entries}, taken)


def title_of(entries: Mapping[str, Titled], name: str) -> str:
    """The title of one of them as `titles_of` has it; the name itself for what the selection does not describe."""
    return titles_of(entries).get(name, name)


def title_alone(entries: Mapping[str, Titled], name: str) -> str:
    """The title as its file has it, on one line and without control characters; the name where nothing is left."""
    title = "".join(c for c in entries[name].title or "" if c.isspace() or not _unprintable(c))
    return unicodedata.normalize("NFC", " ".join(title.split())) if _folded(title) else name


def labels(selection: Selection, groups: Sequence[Group], between: str, brief: bool = True) -> list[str]:
    """A text for each of one dataset's groups, none like another: its method's title, its variant, its protocol.

    The protocol is left out where it is the only one of its method; if `brief`, so is the variant. between: the
    separator after the title.
    """
    titles = titles_of(selection.methods)
    shown = {}
    for group in groups:
        siblings = [other for other in groups if other.method == group.method]
        parts = [] if brief and len({other.variant for other in siblings}) == 1 else [group.variant]
        parts += [group.protocol or MISSING] if len({other.protocol for other in siblings}) > 1 else []
        text = between.join(filter(None, [titles[group.method], " ".join(parts)]))
        shown[f"{group.method}/{group.variant}/{group.protocol}"] = text
    return list(made_distinct(shown).values())


def width(text: str) -> int:
    """The columns that a text takes in a terminal: two for a wide character, none for a combining one."""
    return sum(_columns(character) for character in text)


def clip(text: str, most: int) -> str:
    """The text, or as much of it as `most` columns hold, with an ellipsis."""
    if width(text) <= most:
        return text
    kept = text
    while kept and width(kept) > most - 1:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def _columns(character: str) -> int:
    if unicodedata.category(character) in _INVISIBLE:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _unprintable(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")


def _folded(text: str) -> str:
    seen = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c for c in seen if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf")).split())
