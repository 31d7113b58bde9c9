"""Detect cells that seem to be lists of labels although none of them has the expected separator."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain

_LITERAL = re.compile(r"\[\]|[\[({].*[,'\"].*[\])}]", re.DOTALL)  # a list of Python or JSON; a tuple or a set of Python
_CLEAR = ("|", "\t", "\n", ";", "；", "、")  # hardly ever part of a label
_DOUBTFUL = (",", "，")  # also in `Smith, John` and in `N,N-dimethylaniline`
_CODE = re.compile(r"\S*[\d<>:/#_@]\S*")  # one word of a cell that names its labels by number or address
_SHARE = 0.1  # of the cells; if fewer have the character, it is taken for a part of these labels


SET_SEPARATOR = "set `separator: {mark}` under `source:` in the dataset's file"


def list_suspicion(cells: Collection[str], separator: str, remedy: str = SET_SEPARATOR) -> tuple[str, str] | None:
    """Why the distinct `cells` look like lists that `separator` does not split, with an example; None if they do not.

    A comma or a blank alone is not a reason. Commas are taken as separators if the parts between them recur as whole
    cells or in other places of other cells. Blanks are if nearly all parts recur so, or if the parts are numbers or
    addresses. remedy: what to do, with `{mark}` for the separator that the cells seem to have.
    """
    literals = sorted(filter(_LITERAL.fullmatch, cells))
    if len(literals) * 2 >= len(cells) > 0:
        return "this looks like a list in a programming language: put only the separator between labels", literals[0]
    if any(separator in cell for cell in cells):
        return None
    for mark in _separators(cells):
        having, shown = sorted(cell for cell in cells if mark in cell), json.dumps(mark, ensure_ascii=False)
        reason = (
            f"no cell has the separator {separator!r}, but {len(having)} of {len(cells)} different ones have {mark!r}: "
            f"if they are lists, {remedy.format(mark=shown)}"
        )
        return reason, having[0]
    return None


def _separators(cells: Collection[str]) -> Iterator[str]:
    """The characters that seem to separate labels, the most certain first."""
    yield from (mark for mark in _CLEAR if _enough(_split(cells, mark), cells))
    for mark in _DOUBTFUL:
        lists = _split(cells, mark)
        if _enough(lists, cells) and (_recurring_share(lists, cells) > 0.5 or _recombined(lists)):
            yield mark
    lists = _split(cells, None)
    if _enough(lists, cells) and (_recurring_share(lists, cells) >= 0.9 or _share_of_codes(lists) >= 0.9):
        yield " "


def _split(cells: Collection[str], mark: str | None) -> list[list[str]]:
    """The parts of each cell that has several distinct ones."""
    parts = (list(filter(None, map(str.strip, cell.split(mark)))) for cell in cells)
    return [own for own in parts if len({*own}) == len(own) > 1]


def _enough(lists: list[list[str]], cells: Collection[str]) -> bool:
    return len(lists) > _SHARE * len(cells)


def _at_different_places(lists: list[list[str]]) -> set[str]:
    """The parts that occur at different places in different cells."""
    places = {(part, place) for own in lists for place, part in enumerate(own)}
    return {part for part, count in Counter(part for part, _ in places).items() if count > 1}


def _recurring_share(lists: list[list[str]], cells: Collection[str]) -> float:
    """The share of the parts that are also whole cells, or occur at different places."""
    known = _at_different_places(lists).union(cells)
    every = list(chain.from_iterable(lists))
    return sum(part in known for part in every) / len(every)


def _recombined(lists: list[list[str]]) -> bool:
    """Whether there are no more distinct parts than cells, and some occur at different places."""
    parts = Counter(chain.from_iterable(lists))
    moved = sum(parts[part] for part in _at_different_places(lists))
    return len(parts) <= len(lists) and moved >= _SHARE * parts.total()


def _share_of_codes(lists: list[list[str]]) -> float:
    """The share of the cells whose parts are all numbers, addresses or the like."""
    return sum(all(map(_CODE.fullmatch, own)) for own in lists) / len(lists)
