"""The types of settings: the values that each allows, and their description in error messages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

LARGEST = 2**31 - 1  # the largest int32, as in sparse matrices

Count = Annotated[int, Ge(1), Le(LARGEST)]
Natural = Annotated[int, Ge(0), Le(LARGEST)]
Seed = Annotated[int, Ge(0), Le(999_999_999)]  # the nine digits of the folder's name
Leaf = Annotated[int, Ge(2), Le(LARGEST)]  # labels of a cluster: a larger one is halved
Positive = Annotated[float, Gt(0), Le(1e6)]
NonNegative = Annotated[float, Ge(0), Le(1e6)]
Share = Annotated[float, Ge(0), Le(1)]
Factor = Annotated[float, Gt(0), Le(1)]  # also a learning rate: Adam moves each weight by about that much
Dropout = Annotated[float, Ge(0), Lt(1)]


def fault(value: Any, kind: Any) -> str | None:
    """What is wrong with a value, to append to the name of its setting; None if the type allows it."""
    if not _of_kind(value, kind):
        return f": expected {_expected(kind)}, found {value!r}"
    for entry, limit in _limited(value, kind):
        if not _within(entry, limit):
            return f" must be {_words(limit)}, not {value!r}"
    return None


def types_of(settings: type) -> dict[str, Any]:
    """Field name -> type of a dataclass, limits included."""
    of: Any = settings  # mypy believes that a class which defines __hash__ is itself not hashable
    return _types_of(of)


@cache
def _types_of(settings: Any) -> dict[str, Any]:
    hints = get_type_hints(settings, include_extras=True)
    return {field.name: hints[field.name] for field in fields(settings)}


def _of_kind(value: Any, kind: Any) -> bool:
    """Whether a value read from YAML is of a type, ignoring limits; booleans and NaN are not numbers."""
    if get_origin(kind) is Annotated:
        return _of_kind(value, get_args(kind)[0])
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_of_kind(entry, *get_args(kind)) for entry in value)
    if kind is float:
        finite = isinstance(value, (int, float)) and abs(value) <= sys.float_info.max
        return finite and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _limited(value: Any, kind: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs of each number in a value and each of its limits."""
    if get_origin(kind) is list:
        for entry in value:
            yield from _limited(entry, *get_args(kind))
    if get_origin(kind) is Annotated:
        yield from ((value, limit) for limit in get_args(kind)[1:])


def _expected(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        return _expected(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if get_origin(kind) is list:
        return f"a list, each entry {_expected(*get_args(kind))}"
    number = "a number (with a dot: YAML reads 1e-4 as a text, 1.0e-4 as a number)"
    return {int: "an integer", float: number, bool: "true or false", str: "a text"}.get(kind, str(kind))


def _within(value: Any, limit: Any) -> bool:
    match limit:
        case Ge(least):
            return bool(value >= least)
        case Gt(below):
            return bool(value > below)
        case Le(most):
            return bool(value <= most)
        case Lt(above):
            return bool(value < above)
    raise TypeError(f"{limit} is no limit")


def _words(limit: Any) -> str:
    match limit:
        case Ge(least):
            return f"at least {least}"
        case Gt(below):
            return f"more than {below}"
        case Le(most):
            return f"at most {most}"
        case Lt(above):
            return f"less than {above}"
    raise TypeError(f"{limit} is no limit")
