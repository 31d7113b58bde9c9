"""What exists (datasets, backbones, word vectors, methods, studies: one file each) and what the targets select of it.

Everything is checked here, before anything runs: an unknown key, a wrong type or an unknown name is an
InputError that says in which file, at which key, and what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from lightxml_core.definitions.backbone import Backbone
from lightxml_core.definitions.config import Config
from lightxml_core.definitions.dataset import Dataset
from lightxml_core.definitions.method import Method
from lightxml_core.definitions.reading import define
from lightxml_core.definitions.vectors import Vectors
from lightxml_core.errors import InputError
from lightxml_core.evaluation.catalogue import check_tolerance
from lightxml_core.features.vectors import FIRST
from lightxml_core.registry.checks import (
    check_backbones,
    check_datasets,
    check_methods,
    check_published,
    check_targets,
)
from lightxml_core.registry.grid import Registry
from lightxml_core.registry.origin import ONE_FILE, Origin, lay_over
from lightxml_core.registry.yaml_files import read_config

__all__ = ["Registry", "load_registry", "read_config"]

T = TypeVar("T")

_STUDIED_TARGETS = "targets.yaml"

# a definition of this name would have its files in a folder that is there for something else
_TAKEN = {
    "dataset": ("encoders", "figures", "tables", "targets"),
    "backbone": ("archives",),
    "vector": ("archives", *FIRST),
    "method": ("clusters", "corpus", "encoders", "features", "tokens"),
}


def load_registry(root: Path, config: Mapping[str, Any], origin: Origin = ONE_FILE) -> Registry:
    """Read the folders of definitions under `root` and check them and `config`, one against another.

    origin: where the values of `config` come from, for messages.
    """
    config, origin = _with_studied_targets(root, config, origin)
    chosen = define(config, Config, origin.file_of)
    for metric in chosen.tolerance:
        check_tolerance(metric, origin.file_of("tolerance", metric))
    methods = _load_folder(root / "methods", "method", Method)
    studies = _load_folder(root / "studies", "method", Method, but=_STUDIED_TARGETS)
    for name in methods.keys() & studies.keys():
        raise InputError(f"studies/{name}.yaml: methods/{name}.yaml has the same name: rename one of them")
    registry = Registry(
        config=chosen,
        datasets=_load_folder(root / "datasets", "dataset", Dataset),
        backbones=_load_folder(root / "backbones", "backbone", Backbone),
        vectors=_load_folder(root / "vectors", "vector", Vectors),
        methods=methods | studies,
        studies=frozenset(studies),
        origin=origin,
    )
    check_datasets(registry, root)
    check_backbones(registry, root)
    check_methods(registry)
    check_published(registry, root)
    check_targets(registry)
    return registry


def _with_studied_targets(root: Path, config: Mapping[str, Any], origin: Origin) -> tuple[Mapping[str, Any], Origin]:
    """The configuration with the targets of studies/ behind its own, which override those of the same name."""
    file, own = f"studies/{_STUDIED_TARGETS}", config.get("targets") if isinstance(config, Mapping) else None
    if not (root / file).is_file() or not isinstance(own, Mapping) or not own:
        return config, origin  # what is wrong with the configuration is said where it is checked
    studied = read_config(root / file)
    if not isinstance(studied, dict):
        raise InputError(f"{file}: expected a mapping of targets by name, found {studied!r}")
    targets = dict(studied)
    lay_over(targets, own)
    below = ((file, {"targets": studied}), ("config.yaml", {"targets": own}))
    return {**config, "targets": {name: targets[name] for name in [*own, *studied]}}, Origin((*below, *origin.layers))


def _load_folder(folder: Path, kind: str, form: type[T], but: str = "") -> dict[str, T]:
    """The definitions by name; hidden files, as editors and file managers leave them, are no definitions.

    but: a file that is none either.
    """
    definitions = {}
    for path in sorted(path for path in folder.glob("*") if not path.name.startswith(".") and path.name != but):
        where = f"{folder.name}/{path.name}"
        if path.suffix == ".yaml":
            _check_name(path.stem, kind, where)
            definitions[path.stem] = define(read_config(path), form, lambda *_, where=where: where)
        elif path.suffix.lower() in (".yaml", ".yml"):
            other = path.with_suffix(".yaml")
            what = (
                f"{other.name} is there too: move one of them elsewhere"
                if other.exists()
                else f"rename the file to {other.name}"
            )
            raise InputError(f"{where}: a definition ends in .yaml: {what}")
    return definitions


def _check_name(name: str, kind: str, where: str) -> None:
    if not re.fullmatch("[a-z0-9][a-z0-9-]*", name):
        raise InputError(f"{where}: a {kind} is named with small letters, digits and hyphens: rename the file")
    if name in _TAKEN[kind] or (kind == "method" and re.fullmatch(r"split\d+", name)):
        raise InputError(f"{where}: {name!r} is the name of a folder that the workflow makes: rename the file")
