"""The definitions one against another: every name known, every setting one that its method has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lightxml_core.errors import InputError
from lightxml_core.features.vectors import FIRST
from lightxml_core.methods import load_method
from lightxml_core.registry.grid import Registry, wordless
from lightxml_core.registry.schema import fits


def check_datasets(registry: Registry) -> None:
    """InputError for a cut of a dataset that is not there or cannot be cut."""
    for name, definition in registry.datasets.items():
        parent = definition["source"].get("cut")
        if parent is not None:
            _known(parent, registry.datasets, f"datasets/{name}.yaml: source.cut", "dataset")
            if "cut" in registry.datasets[parent]["source"]:
                raise InputError(f"datasets/{name}.yaml: source.cut: {parent} is itself a cut; cut its source instead")
            if wordless(registry.datasets[parent]["source"]):
                raise InputError(
                    f"datasets/{name}.yaml: source.cut: {parent} is a bag of words; cut a source with texts"
                )


def check_methods(registry: Registry) -> None:
    """InputError for a method's file that names what is not there, or a setting that its implementation has not."""
    for name, definition in registry.methods.items():
        where = f"methods/{name}.yaml"
        try:
            implementation = load_method(definition["implementation"])
        except InputError as error:
            raise InputError(f"{where}: implementation: {error}") from None
        types = get_type_hints(implementation.Settings)
        for path, settings in _setting_blocks(definition):
            _check_settings(settings, types, where, path)
            if "backbone" in settings:
                _known(settings["backbone"], registry.backbones, f"{where}: {path}.backbone", "backbone")
            if "vectors" in settings and "/" not in settings["vectors"]:  # a path is one that has a slash
                known = {**dict.fromkeys(FIRST), **registry.vectors}
                _known(settings["vectors"], known, f"{where}: {path}.vectors", "vectors")
        for dataset in definition.get("datasets", {}):
            _known(dataset, registry.datasets, f"{where}: datasets", "dataset")
        _known(definition.get("base", name), registry.methods, f"{where}: base", "method")
        for variant, backbone in definition.get("published_backbones", {}).items():
            _known(backbone, registry.backbones, f"{where}: published_backbones.{variant}", "backbone")


def _setting_blocks(definition: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping of settings in a method's file, with its dotted path."""
    yield f"{prefix}settings", definition.get("settings", {})
    for member, settings in definition.get("members", {}).items():
        yield f"{prefix}members.{member}", settings
    for dataset, own in definition.get("datasets", {}).items():
        yield from _setting_blocks(own, f"datasets.{dataset}.")


def _check_settings(settings: Mapping[str, Any], types: Mapping[str, Any], where: str, path: str) -> None:
    settable = {key: kind for key, kind in types.items() if key != "seed"}
    for key, value in settings.items():
        if key not in settable:
            raise InputError(
                f"{where}: unknown key '{path}.{key}': known here are {', '.join(sorted(settable)) or 'none'}"
            )
        if not fits(value, settable[key]):
            raise InputError(f"{where}: {path}.{key}: expected {_expected(settable[key])}, found {value!r}")


def check_targets(registry: Registry) -> None:
    """InputError for a target whose datasets and methods are not there or do not go together."""
    for target, chosen in registry.config["targets"].items():
        for dataset in chosen["datasets"]:
            _known(dataset, registry.datasets, f"config.yaml: targets.{target}.datasets", "dataset")
        for method in chosen["methods"]:
            _known(method, registry.methods, f"config.yaml: targets.{target}.methods", "method")
        for dataset, method in product(chosen["datasets"], chosen["methods"]):
            if not registry.serves(method, dataset):
                raise InputError(
                    f"config.yaml: targets.{target}: {method} reads texts and {dataset} has none "
                    "(a bag-of-words source): choose another method for it"
                )
            _check_made(registry, method, dataset)


def _check_made(registry: Registry, method: str, dataset: str) -> None:
    """Settings that fit one by one may not fit together: the method's own class says."""
    for member in registry.members(method, dataset):
        try:
            registry.made(method, dataset, member)
        except InputError as error:
            raise InputError(f"methods/{method}.yaml: member {member} on {dataset}: {error}") from None


def _expected(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if get_origin(kind) is list:
        return f"a list, each entry {_expected(*get_args(kind))}"
    number = "a number (with a dot: YAML reads 1e-4 as a text, 1.0e-4 as a number)"
    return {int: "an integer", float: number, bool: "true or false", str: "a text"}.get(kind, str(kind))


def _known(name: str, known: Mapping[str, Any], where: str, kind: str) -> None:
    if name not in known:
        raise InputError(f"{where}: unknown {kind} {name!r}: known are {', '.join(sorted(known))}")
