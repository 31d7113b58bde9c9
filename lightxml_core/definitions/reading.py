"""One definition as its type, and what does not fit in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from functools import cache
from itertools import chain
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from lightxml_core.definitions.kinds import FORM, list_of
from lightxml_core.errors import InputError
from lightxml_core.values import limit_words, types_of

T = TypeVar("T")
Path = tuple[Any, ...]


def define(value: Any, kind: type[T], file_of: Callable[..., str]) -> T:
    """The definition that `value`, read from YAML, is; InputError where it is none.

    file_of: names the file of a key's path.
    """
    from pydantic import ValidationError

    try:
        of: Any = kind  # mypy takes a class with a hash of its own for something that has none
        [definition] = _adapter(of).validate_python([value])
    except ValidationError as found:
        faults = found.errors(include_url=False)
        key, sentence = _explain(min(faults, key=_weight), kind)
        raise InputError(f"{file_of(*key)}: {sentence}") from None
    return cast(T, definition)


def from_json(kind: Any, option: str) -> Callable[[str], Any]:
    """A reader of a program's option whose value, as JSON, has the type `kind`. Its InputError names the option."""
    return lambda text: define(json.loads(text), kind, lambda *_: option)


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(
        list_of(kind), config=ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, regex_engine="python-re")
    )


_KINDS = {
    "int_type": "an integer",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "a boolean",
    "string_type": "a string",
    "list_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "dataclass_type": "a mapping",
}
_UNKNOWN = ("unexpected_keyword_argument", "invalid_key")


def _weight(fault: Mapping[str, Any]) -> tuple[int, bool]:
    """The outermost error is told; of those a key that is unknown, because it may be the missing one misspelt."""
    return len(fault["loc"]), fault["type"] not in _UNKNOWN


def _explain(fault: Mapping[str, Any], whole: Any) -> tuple[Path, str]:
    """One error of pydantic: the path of its key, and in words what stands there and what was expected."""
    path = tuple(part for part in fault["loc"][1:] if not str(part).startswith(FORM))
    found, kind, about = fault["input"], fault["type"], fault.get("ctx", {})
    if kind == "missing":
        return path[:-1], f"{_dotted(path[:-1])}: the key {path[-1]!r} is missing"
    if kind in _UNKNOWN:
        known = types_of(_type_at(whole, fault["loc"][1:-1]))
        return path, f"unknown key {_dotted(path)!r}: known here are {', '.join(known)}"
    if path and path[-1] == "[key]":
        path = path[:-2]
        if kind == "string_pattern_mismatch":
            wanted = "use small letters, digits and hyphens"
            return (*path, found), f"{_dotted(path)}: {found!r} cannot be a name here: {wanted}"
    if limit := limit_words(fault):
        return path, f"{_dotted(path)} must be {limit}, not {found!r}"
    return path, f"{_dotted(path)}: {_mismatch(kind, found, about) or fault['msg']}"


def _mismatch(kind: str, found: Any, about: Mapping[str, Any]) -> str | None:
    """The words for one value that is not as its type wants it."""
    match kind:
        case "string_type" if not isinstance(found, dict | list | None):
            hint = "quote it, for YAML takes no, on, 2024 and the like for other things"
            return f"expected a string, found {found!r}: {hint}"
        case "literal_error":
            allowed = ", ".join(re.findall("'([^']*)'", about["expected"]))
            return f"expected one of {allowed}, found {found!r}"
        case "no_form":
            return _no_form(found, about["forms"])
        case "too_short" | "string_too_short":
            return f"{found!r} should be non-empty"
        case "non_unique":
            return f"{found!r} has non-unique entries: name each of them once"
        case "string_pattern_mismatch":
            return f"{found!r} does not match {about['pattern']}"
        case "value_error":
            return str(about["error"])
    return f"expected {_KINDS[kind]}, found {found!r}" if kind in _KINDS else None


def _no_form(found: Any, forms: str) -> str:
    if not isinstance(found, dict) and "the key" in forms and "a string" not in forms:
        return f"expected a mapping, found {found!r}"
    shown = (", ".join(map(str, found)) or "no key") if isinstance(found, dict) else repr(found)
    return f"expected {forms}; found {shown}"


def _dotted(path: Path) -> str:
    return ".".join(map(str, path)) or "the file"


def with_numbers(value: Any, kind: Any) -> Any:
    """A value with each text that stands where the type wants a number read as one, if it can be.

    Snakemake leaves the numbers within the lists and mappings of `--config` as texts.
    """
    kinds = list(_unwrapped(kind))
    if isinstance(value, str):
        return _number(value) if {int, float} & {*kinds} else value
    if isinstance(value, Mapping):
        return {key: with_numbers(entry, _entry(kinds, key)) for key, entry in value.items()}
    if isinstance(value, list):
        return [with_numbers(entry, _entry(kinds, 0)) for entry in value]
    return value


def _unwrapped(kind: Any) -> Iterator[Any]:
    """The forms of a type, without their markers."""
    if get_origin(kind) is Annotated:
        yield from _unwrapped(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        yield from chain.from_iterable(map(_unwrapped, get_args(kind)))
    elif kind is not NoneType and get_origin(kind) is not Literal:
        yield kind


def _type_at(kind: Any, path: Path) -> Any:
    """The type at the path of an error."""
    for part in path:
        kinds = list(_unwrapped(kind))
        kind = kinds[int(part[len(FORM) :])] if str(part).startswith(FORM) else _entry(kinds, part)
    return next(_unwrapped(kind))


def _entry(kinds: list[Any], key: Any) -> Any:
    """The type of an entry of a mapping or list."""
    [kind] = kinds or [object]
    if is_dataclass(kind):
        return types_of(cast(type, kind)).get(key, object)
    of = get_args(kind) or (object,)
    return of[-1] if get_origin(kind) is not tuple else of[0]


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text
