"""One definition against its schema (`schemas/`), and what does not fit in words."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from lightxml_core.errors import InputError
from lightxml_core.registry.yaml_files import read_config

_SCHEMAS = Path(__file__).parent / "schemas"


def check(value: Any, schema: str, where: str) -> None:
    """InputError, naming the file `where`, for a value that does not fit the schema of that name."""
    from jsonschema.exceptions import best_match

    error = best_match(_validator(schema).iter_errors(value))
    if error is not None:
        raise InputError(f"{where}: {_explain(error)}")


@cache
def _validator(schema: str) -> Any:
    import jsonschema

    base = jsonschema.Draft202012Validator
    kinds = {"integer": int, "number": float}  # JSON Schema takes 1.0 for an integer, YAML .nan for a number
    types = base.TYPE_CHECKER.redefine_many(
        {name: lambda _, found, kind=kind: fits(found, kind) for name, kind in kinds.items()}
    )
    return jsonschema.validators.extend(base, type_checker=types)(read_config(_SCHEMAS / f"{schema}.yaml"))


def _explain(error: Any) -> str:
    """One schema violation in words: the key, what stands there, what was expected."""
    key = ".".join(str(part) for part in error.absolute_path) or "the file"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = [name for name in error.instance if name not in known]
        return f"unknown key {_dotted(key, unknown[0])!r}: known here are {', '.join(known)}"
    if error.validator == "type":
        return f"{key}: expected {_article(error.validator_value)}, found {error.instance!r}"
    if error.validator == "enum":
        return f"{key}: expected one of {', '.join(map(str, error.validator_value))}, found {error.instance!r}"
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"{key}: the key {missing[0]!r} is missing"
    return _explain_choice(error, key) if error.validator == "oneOf" else f"{key}: {error.message}"


def _explain_choice(error: Any, key: str) -> str:
    """Nothing fits one of several forms: of a mapping, the form with which it shares most keys was meant."""
    found, forms = error.instance, error.validator_value
    if isinstance(found, dict):
        shared = [len(found.keys() & form.get("properties", {}).keys()) for form in forms]
        if shared.count(max(shared)) == 1:
            faults = [fault for fault in error.context if fault.relative_schema_path[0] == shared.index(max(shared))]
            return _explain(min(faults, key=lambda fault: fault.validator != "additionalProperties"))
    shown = (", ".join(map(str, found)) or "no key") if isinstance(found, dict) else repr(found)
    return f"{key}: expected {', or '.join(map(_form, forms))}; found {shown}"


def _form(schema: Mapping[str, Any]) -> str:
    if "required" in schema:
        return f"the key{'s' * (len(schema['required']) > 1)} {', '.join(schema['required'])}"
    return str(schema["const"]) if "const" in schema else _article(schema["type"])


def _dotted(prefix: str, key: str) -> str:
    return key if prefix == "the file" else f"{prefix}.{key}"


def _article(kind: Any) -> str:
    names = {"object": "a mapping", "array": "a list", "integer": "an integer", "number": "a number"}
    return names.get(kind, f"a {kind}")


def fits(value: Any, kind: Any) -> bool:
    """Whether a value read from YAML is of a type as settings have it; true is no number, not-a-number neither."""
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is list:
        return isinstance(value, list) and all(fits(entry, *get_args(kind)) for entry in value)
    if kind is float:
        finite = isinstance(value, (int, float)) and abs(value) <= sys.float_info.max
        return finite and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
