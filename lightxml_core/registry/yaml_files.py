"""YAML files of definitions, read so that a damaged or hostile one is a clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lightxml_core.errors import InputError

_MOST_DEPTH, _MOST_NODES = 40, 100_000


def read_config(path: Path) -> Any:
    """Read one YAML file; damaged YAML, a key said twice or a file that would fill the memory is an InputError.

    It names the file and, where known, the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _refuse_bomb(text)
        return yaml.load(text, Loader=_Loader)
    except FileNotFoundError:
        raise InputError(f"{path} is missing") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}: save the file as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = " ".join((getattr(error, "problem", None) or str(error)).split())
        raise InputError(f"{path}{line}: not valid YAML: {problem}") from None
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        # what a value like 2020-13-45 or `!!bool maybe` has the loader raise
        raise InputError(f"{path}: a value in it cannot be read ({error}): put texts into quotes") from None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the base depends on the build
    """The safe loader, which besides takes no key twice: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [(key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for i, key in enumerate(keys):
            if key in keys[:i]:
                mark = node.value[i][0].start_mark
                raise yaml.MarkedYAMLError(problem=f"the key {key[1]!r} is there twice", problem_mark=mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def _refuse_bomb(text: str) -> None:
    """YAMLError for what is deeper, or with its aliases written out longer, than any definition.

    Told from the events, because libyaml builds nested nodes on the stack and the checks walk every alias anew.
    """
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    sizes: dict[str | None, int] = {}
    for event in yaml.parse(text, Loader=_Loader):
        anchor, size = getattr(event, "anchor", None), 1
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((anchor, 1))
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
        if isinstance(event, yaml.AliasEvent):
            size = sizes.get(anchor, _MOST_NODES)  # unknown so far: within itself
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionEndEvent | yaml.AliasEvent):
            sizes[anchor] = size
            open_nodes[-1] = (open_nodes[-1][0], open_nodes[-1][1] + size)
        if len(open_nodes) > _MOST_DEPTH or open_nodes[-1][1] >= _MOST_NODES:
            problem = f"nested more than {_MOST_DEPTH} deep or of more than {_MOST_NODES} values"
            mark: Any = event.start_mark  # libyaml has a class of its own for it
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
