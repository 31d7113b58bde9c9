"""How numbers, and their absence, are spelled in tables and in the report. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

# Words of printed cells: nothing was run; nothing is published; a run has no such value.
NOT_RUN, NONE, MISSING = "not run", "none", "n/a"

T = TypeVar("T")


def or_word(value: T | None, word: str, spell: Callable[[T], Any] = lambda value: value) -> Any:
    """The value, as `spell` prints it, or the word for its absence."""
    return word if value is None else spell(value)


def spelled(value: float) -> str:
    """A number for readers: commas between thousands, two digits after the point, more for a small number."""
    number = float(value)
    if number.is_integer():
        return f"{number:,.0f}"
    return f"{number:,.2f}" if abs(number) >= 0.1 else f"{number:.2g}"


def signed(value: float) -> str:
    """A difference with its sign and two digits after the point; what rounds to nothing is `+0.00`."""
    return f"{round(value, 2) + 0.0:+.2f}"


def duration(seconds: float) -> str:
    """`0.4 s`, `42 s`, `12 min 5 s` or `3 h 7 min`."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s" if whole else f"{seconds:.1g} s"
