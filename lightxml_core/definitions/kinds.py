"""The building blocks of the definitions' types: what a value may be beyond its Python type.

Each marker changes the schema that pydantic makes of a type. Pydantic itself is imported only where a file is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from annotated_types import Ge, Le, MinLen

T = TypeVar("T")


class Definition:
    """Base of every mapping in a definition: a frozen dataclass whose fields are the keys that the mapping may have."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        schema = inner = handler(source)
        while inner["type"] != "dataclass" and "schema" in inner:
            inner = inner["schema"]
        inner["strict"] = False  # else only an instance would be taken, and no mapping
        return schema


@dataclass(frozen=True)
class Given:
    """Makes `X | None` a key that may be left out, but not be null."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return handler.generate_schema(get_args(source)[0])


Maybe = Annotated[T | None, Given()]


def list_of(kind: Any) -> Any:
    """The type of a list whose entries have a type that is known at run time."""
    return list[kind]


@dataclass(frozen=True)
class Listed:
    """Makes `tuple[X, ...]` a YAML list with at least so many entries, none of them twice."""

    least: int = 1
    unique: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def frozen(entries: list[Any]) -> tuple[Any, ...]:
            if self.unique and any(entry in entries[:place] for place, entry in enumerate(entries)):
                raise PydanticCustomError("non_unique", "non-unique entries")
            return tuple(entries)

        schema = handler.generate_schema(list_of(get_args(source)[0]))
        schema["min_length"] = self.least
        return core_schema.no_info_after_validator_function(frozen, schema)


Some = Annotated[tuple[T, ...], Listed()]
Distinct = Annotated[tuple[T, ...], Listed(unique=True)]


@dataclass(frozen=True)
class Pattern:
    """A text that the regular expression matches."""

    regex: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        schema = handler(source)
        schema["pattern"] = self.regex
        return schema


@dataclass(frozen=True)
class OneOf:
    """A text that is one of some names, which are asked for when the first file is checked."""

    names: Callable[[], Iterable[str]]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.literal_schema(list(self.names()))


@dataclass(frozen=True)
class Forms:
    """Chooses among the members of a union: of mappings the one with which a value shares most keys."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        forms = get_args(source)
        choices = {f"{FORM}{place}": handler.generate_schema(form) for place, form in enumerate(forms)}
        return core_schema.tagged_union_schema(
            choices,
            discriminator=lambda value: self._chosen(value, forms),
            custom_error_type="no_form",
            custom_error_message="no form",
            custom_error_context={"forms": ", or ".join(map(_form, forms))},
        )

    def _chosen(self, value: Any, forms: tuple[Any, ...]) -> str | None:
        fitting = [_fit(value, form) for form in forms]
        most = max(fitting)
        alone = most > _NONE and fitting.count(most) == 1
        return f"{FORM}{fitting.index(most)}" if alone else None


FORM = ":"  # before the number of a form in the path of an error


_NONE = (-1, False)


def _fit(value: Any, form: Any) -> tuple[int, bool]:
    """How well a value fits one form: the number of keys that it shares, and whether it has those that it must have."""
    kind = get_args(form)[0] if get_origin(form) is Annotated else form
    if is_dataclass(kind):
        if not isinstance(value, dict):
            return _NONE
        return sum(one.name in value for one in fields(kind)), all(key in value for key in required(kind))
    if get_origin(kind) is Literal:
        return (0, True) if value in get_args(kind) else _NONE
    return (0, True) if isinstance(value, kind) and not isinstance(value, bool) else _NONE


def _form(form: Any) -> str:
    kind = get_args(form)[0] if get_origin(form) is Annotated else form
    if is_dataclass(kind):
        return keys_of(tuple(required(kind)))
    return str(get_args(kind)[0]) if get_origin(kind) is Literal else {int: "an integer", str: "a string"}[kind]


def required(kind: Any) -> Iterator[str]:
    """The keys that a mapping must have."""
    return (one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING)


def keys_of(names: tuple[str, ...]) -> str:
    """Keys as a sentence names them."""
    return f"the key{'s' * (len(names) > 1)} {', '.join(names)}"


def one_of(definition: Any, *forms: tuple[str, ...]) -> None:
    """ValueError unless exactly one of these groups of keys is given in full."""
    values = {one.name: getattr(definition, one.name) for one in fields(definition)}
    given = [name for name, value in values.items() if value is not None]
    if sum(set(form) <= set(given) for form in forms) != 1:
        shown = ", ".join(name for name in given if values[name] is not False) or "no key"
        raise ValueError(f"expected {', or '.join(map(keys_of, forms))}; found {shown}")


def plain(definition: Any) -> Any:
    """A definition as JSON can hold it: mappings and lists, without the keys that have their default."""
    if is_dataclass(definition) and not isinstance(definition, type):
        values = {one.name: getattr(definition, one.name) for one in fields(definition)}
        return {key: plain(value) for key, value in values.items() if value != _default(definition, key)}
    if isinstance(definition, tuple | list):
        return [plain(entry) for entry in definition]
    if isinstance(definition, dict):
        return {key: plain(value) for key, value in definition.items()}
    return definition


def _default(definition: Any, key: str) -> Any:
    [one] = (one for one in fields(definition) if one.name == key)
    return one.default if one.default_factory is MISSING else one.default_factory()


Text = Annotated[str, MinLen(1)]
Sha256 = Annotated[str, Pattern("^[0-9a-f]{64}$")]
Md5 = Annotated[str, Pattern("^[0-9a-f]{32}$")]
Url = Annotated[str, Pattern("^(https?|file)://")]
FileName = Annotated[str, Pattern("^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
Bytes = Annotated[int, Ge(1), Le(2**53)]
Requirement = Annotated[str, Pattern("^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")]
Protocol = Literal["clean", "official"]


@dataclass(frozen=True, kw_only=True)
class PinnedPackage(Definition):
    """A package of an index, of one version."""

    requirement: Requirement
    """`name==version`."""
    sha256: Sha256
    """The SHA-256 of the package, in hexadecimal digits."""
