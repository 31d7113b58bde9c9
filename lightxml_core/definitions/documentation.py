"""The keys of all files as tables, for docs/keys.md, and as JSON schemas, for editors.

`python -m lightxml_core.definitions.documentation --schemas FOLDER` writes the schemas.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from lightxml_core.definitions.backbone import Backbone
from lightxml_core.definitions.config import Config
from lightxml_core.definitions.dataset import Dataset
from lightxml_core.definitions.kinds import list_of
from lightxml_core.definitions.method import Method
from lightxml_core.definitions.vectors import Vectors

FILES: Mapping[str, type] = {
    "config.yaml": Config,
    "datasets/*.yaml": Dataset,
    "methods/*.yaml": Method,
    "backbones/*.yaml": Backbone,
    "vectors/*.yaml": Vectors,
}
_HEAD = ("| key | value | meaning |", "| --- | --- | --- |")
BEGIN, END = "<!-- keys, written by docs/generate.py -->", "<!-- end of keys -->"


def json_schema(kind: type) -> dict[str, Any]:
    """The JSON schema of a file, with the descriptions of the fields."""
    whole = _schema(kind)
    return {"$defs": whole["$defs"], **whole["items"]}


def _schema(kind: type) -> dict[str, Any]:
    """The JSON schema of a list of definitions."""
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.json_schema import GenerateJsonSchema

    class Described(GenerateJsonSchema):
        """Pydantic describes only the fields that a dataclass has itself. Here inherited ones are described too."""

        def dataclass_schema(self, schema: Any) -> dict[str, Any]:
            found = super().dataclass_schema(schema)
            for key, words in _inherited(schema["cls"]).items():
                found["properties"][key].setdefault("description", words)
            return found

    config = ConfigDict(extra="forbid", regex_engine="python-re", use_attribute_docstrings=True)
    return TypeAdapter(list_of(kind), config=config).json_schema(schema_generator=Described)


def _inherited(kind: type) -> dict[str, str]:
    """The descriptions of the fields that a definition has from its bases."""
    bases = [base for base in kind.__bases__ if is_dataclass(base)]
    own = (_schema(base)["$defs"][base.__name__]["properties"] for base in bases)
    return {key: value["description"] for keys in own for key, value in keys.items()}


def tables() -> str:
    """The keys of every file, one table per mapping."""
    return "\n".join(line for file, kind in FILES.items() for line in _file(file, json_schema(kind)))


def _file(file: str, schema: Mapping[str, Any]) -> Iterator[str]:
    first = _name(schema["$ref"])
    yield f"## {file}\n"
    for name in [first, *(name for name in schema["$defs"] if name != first)]:
        definition = schema["$defs"][name]
        yield from [
            f"### {name}\n",
            f"{definition['description']}\n",
            *_HEAD,
        ]
        needed = definition.get("required", ())
        for key, value in sorted(definition["properties"].items(), key=lambda item: item[0] not in needed):
            yield f"| `{key}`{' (needed)' if key in needed else ''} | {_value(value)} | {value['description']} |"
        yield ""


def _value(schema: Mapping[str, Any]) -> str:
    """What a key may hold, in words."""
    if "$ref" in schema:
        return _name(schema["$ref"])
    if "oneOf" in schema or "anyOf" in schema:
        return ", or ".join(map(_value, schema.get("oneOf") or schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    match schema.get("type"):
        case "array":
            return f"list: {_value(schema['items'])}"
        case "object":
            inner: Any = schema.get("additionalProperties") or next(
                iter(schema.get("patternProperties", {}).values()), True
            )
            return "mapping" if inner is True else f"mapping: {_value(inner)}"
        case "integer" | "number" as kind if "minimum" in schema:
            return f"{kind}, {schema['minimum']:,} to {schema['maximum']:,}"
    return str(schema.get("type", "any value"))


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schemas", type=Path, required=True, help="folder to write a JSON schema per kind of file to")
    options = parser.parse_args()
    options.schemas.mkdir(parents=True, exist_ok=True)
    for kind in FILES.values():
        text = json.dumps(json_schema(kind), indent=2) + "\n"
        (options.schemas / f"{kind.__name__.lower()}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
