"""The types of settings: the values that each allows, and their description in error messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

LARGEST = 2**31 - 1  # the largest int32, as in sparse matrices
KEPT_SCORES = 100  # per document in stored predictions; metrics, ensembles and blends read no more

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
    from pydantic import ValidationError

    try:
        _adapter(kind).validate_python(value)
    except ValidationError as error:
        limits = [limit_words(found) for found in error.errors(include_url=False)]
        if None in limits:
            return f": expected {_expected(kind)}, found {value!r}"
        return f" must be {limits[0]}, not {value!r}"
    return None


def limit_words(found: Mapping[str, Any]) -> str | None:
    """The limit that one of pydantic's errors is about, such as "at least 1"; None if it is about something else."""
    if found["type"] not in _LIMITS:
        return None
    key, words = _LIMITS[found["type"]]
    return f"{words} {found['ctx'][key]:.15g}"


_LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(kind, config=ConfigDict(strict=True, allow_inf_nan=False))


def types_of(settings: type) -> dict[str, Any]:
    """Field name -> type of a dataclass, limits included."""
    of: Any = settings  # mypy believes that a class which defines __hash__ is itself not hashable
    return _types_of(of)


@cache
def _types_of(settings: Any) -> dict[str, Any]:
    hints = get_type_hints(settings, include_extras=True)
    return {field.name: hints[field.name] for field in fields(settings)}


def _expected(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        return _expected(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if get_origin(kind) is list:
        return f"a list, each entry {_expected(*get_args(kind))}"
    number = "a number (with a dot: YAML reads 1e-4 as a text, 1.0e-4 as a number)"
    return {int: "an integer", float: number, bool: "true or false", str: "a text"}.get(kind, str(kind))
