"""The configuration and where each of its values comes from: config.yaml, a file laid over it, or the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COMMAND_LINE = "--config"
Layer = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Origin:
    """The layers of a configuration, the last on top: each the name of its file and the values in it."""

    layers: Sequence[Layer] = ()

    def file_of(self, *key: Any) -> str:
        """The file of the uppermost layer that holds the key or the longest part of its path; else config.yaml."""
        best, most = "config.yaml", 0
        for name, values in self.layers:
            if (depth := _depth(values, key)) >= max(most, 1):
                best, most = name, depth
        return best


ONE_FILE = Origin()


def _depth(values: Any, key: Sequence[Any]) -> int:
    """How many parts of a key's path lead somewhere; one in a list counts as the list."""
    for depth, part in enumerate(key):
        if not isinstance(values, Mapping) or part not in values:
            return len(key) if isinstance(values, list) else depth
        values = values[part]
    return len(key)


def lay_over(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Change the configuration `below` as snakemake does: mappings are merged, everything else is replaced."""
    for key, value in above.items():
        if isinstance(value, Mapping):
            inner = below.get(key)
            below[key] = dict(inner) if isinstance(inner, Mapping) else {}
            lay_over(below[key], value)
        else:
            below[key] = value
