"""One definition against its schema (`schemas/`), and what does not fit in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from lightxml_core.errors import InputError
from lightxml_core.registry.yaml_files import read_config
from lightxml_core.values import fault

_SCHEMAS = Path(__file__).parent / "schemas"


def check(value: Any, schema: str, file_of: Callable[..., str]) -> None:
    """InputError for a value that does not fit the schema of that name; `file_of` names the file of a key's path."""
    from jsonschema.exceptions import best_match

    error = best_match(_validator(schema).iter_errors(value))
    if error is not None:
        key, sentence = _explain(error)
        raise InputError(f"{file_of(*key)}: {sentence}")


def with_numbers(value: Any, schema: str) -> Any:
    """A value with each text that stands where the schema of that name wants a number read as one, if it can be.

    Snakemake leaves the numbers within the lists and mappings of `--config` as texts.
    """
    whole = _read(schema)
    return _with_numbers(value, whole, whole.get("$defs", {}))


def _with_numbers(value: Any, node: Mapping[str, Any], defined: Mapping[str, Any]) -> Any:
    node = defined[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    if isinstance(value, Mapping):
        known, others = node.get("properties", {}), node.get("additionalProperties") or {}
        return {key: _with_numbers(entry, known.get(key, others), defined) for key, entry in value.items()}
    if isinstance(value, list):
        return [_with_numbers(entry, node.get("items", {}), defined) for entry in value]
    wanted = {form.get("type") for form in (node, *node.get("oneOf", ()))}
    return _number(value) if isinstance(value, str) and wanted & {"integer", "number"} else value


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


@cache
def _read(schema: str) -> Any:
    return read_config(_SCHEMAS / f"{schema}.yaml")


@cache
def _validator(schema: str) -> Any:
    import jsonschema

    base = jsonschema.Draft202012Validator
    kinds = {"integer": int, "number": float}  # JSON Schema takes 1.0 for an integer, YAML .nan for a number
    types = base.TYPE_CHECKER.redefine_many(
        {name: lambda _, found, kind=kind: fault(found, kind) is None for name, kind in kinds.items()}
    )
    return jsonschema.validators.extend(base, type_checker=types)(_read(schema))


_LIMITS = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}


def _explain(error: Any) -> tuple[tuple[Any, ...], str]:
    """One schema violation: the path of its key, and in words what stands there and what was expected."""
    path, found, wanted = tuple(error.absolute_path), error.instance, error.validator_value
    key = ".".join(str(part) for part in path) or "the file"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = next(name for name in found if name not in known)
        return (*path, unknown), f"unknown key {_dotted(key, str(unknown))!r}: known here are {', '.join(known)}"
    if error.validator == "required":
        missing = [name for name in wanted if name not in found]
        return path, f"{key}: the key {missing[0]!r} is missing"
    if error.validator == "oneOf":
        return _explain_choice(error, path, key)
    if "propertyNames" in error.absolute_schema_path and error.validator != "type":
        return (*path, found), f"{key}: {found!r} cannot be a name here: use small letters, digits and hyphens"
    limit = _LIMITS.get(error.validator)
    if limit is not None:
        return path, f"{key} must be {limit} {wanted}, not {found!r}"
    return path, f"{key}: {_mismatch(error.validator, found, wanted) or error.message}"


def _mismatch(validator: str, found: Any, wanted: Any) -> str | None:
    """The words for one value that is not as its schema wants it."""
    if validator == "type" and wanted == "string" and not isinstance(found, dict | list | None):
        return (
            f"expected a string, found {found!r}: quote it, for YAML takes no, on, 2024 and the like for other things"
        )
    if validator == "type":
        return f"expected {_article(wanted)}, found {found!r}"
    if validator == "enum":
        return f"expected one of {', '.join(map(str, wanted))}, found {found!r}"
    return None


def _explain_choice(error: Any, path: tuple[Any, ...], key: str) -> tuple[tuple[Any, ...], str]:
    """Nothing fits one of several forms: of a mapping, the form with which it shares most keys was meant."""
    found, forms = error.instance, error.validator_value
    if isinstance(found, dict):
        shared = [len(found.keys() & form.get("properties", {}).keys()) for form in forms]
        if shared.count(max(shared)) == 1:
            faults = [fault for fault in error.context if fault.relative_schema_path[0] == shared.index(max(shared))]
            return _explain(min(faults, key=lambda fault: fault.validator != "additionalProperties"))
    shown = (", ".join(map(str, found)) or "no key") if isinstance(found, dict) else repr(found)
    return path, f"{key}: expected {', or '.join(map(_form, forms))}; found {shown}"


def _form(schema: Mapping[str, Any]) -> str:
    if "required" in schema:
        return f"the key{'s' * (len(schema['required']) > 1)} {', '.join(schema['required'])}"
    return str(schema["const"]) if "const" in schema else _article(schema["type"])


def _dotted(prefix: str, key: str) -> str:
    return key if prefix == "the file" else f"{prefix}.{key}"


def _article(kind: Any) -> str:
    names = {"object": "a mapping", "array": "a list", "integer": "an integer", "number": "a number"}
    return names.get(kind, f"a {kind}")
