"""The definitions one against another: every name known, every setting one that its method has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from lightxml_core.encoders.scratch import ScratchConfig
from lightxml_core.errors import InputError
from lightxml_core.features.vectors import FIRST
from lightxml_core.methods import load_method
from lightxml_core.registry.grid import Registry, wordless
from lightxml_core.user_files import located
from lightxml_core.values import fault, types_of


def check_datasets(registry: Registry, root: Path) -> None:
    """InputError for a cut of what is not there or cannot be cut, a folder that is none, or a key without use.

    root: the project's folder, from which relative paths count.
    """
    for name, definition in registry.datasets.items():
        _check_separator(definition["source"], f"datasets/{name}.yaml: source.separator")
        folder = definition["source"].get("folder")
        if folder is not None and located(root, folder).is_file():
            raise InputError(f"datasets/{name}.yaml: source.folder: {folder} is a file: name the folder that holds it")
        if definition["features"] and wordless(definition["source"]):
            raise InputError(f"datasets/{name}.yaml: features: the source ships its own features: remove the key")
        parent = definition["source"].get("cut")
        if parent is not None:
            _known(parent, registry.datasets, f"datasets/{name}.yaml: source.cut", "dataset")
            if "cut" in registry.datasets[parent]["source"]:
                raise InputError(f"datasets/{name}.yaml: source.cut: {parent} is itself a cut; cut its source instead")
            if wordless(registry.datasets[parent]["source"]):
                raise InputError(
                    f"datasets/{name}.yaml: source.cut: {parent} is a bag of words; cut a source with texts"
                )


def _check_separator(source: Mapping[str, Any], where: str) -> None:
    others = {copy.get("layout") for copy in source.get("mirrors", [source])} - {"csv"}
    if "separator" in source and others:
        raise InputError(f"{where}: only the layout csv has one, not {', '.join(sorted(others))}: remove the key")


def check_backbones(registry: Registry) -> None:
    """InputError for an encoder from scratch whose width its heads cannot share."""
    for name, definition in registry.backbones.items():
        scratch = definition["source"].get("scratch")
        if scratch is not None:
            try:
                ScratchConfig(**scratch)
            except InputError as error:
                raise InputError(f"backbones/{name}.yaml: source.scratch: {error}") from None


def check_methods(registry: Registry) -> None:
    """InputError for a method's file that names what is not there, or a setting that its implementation has not."""
    for name, definition in registry.methods.items():
        where = f"methods/{name}.yaml"
        try:
            implementation = load_method(definition["implementation"])
        except InputError as error:
            raise InputError(f"{where}: implementation: {error}") from None
        _check_effects(definition, hasattr(implementation, "PROTOCOLS"), where)
        types = types_of(implementation.Settings)
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
        if definition.get("base") == name:
            raise InputError(f"{where}: base: a method is no variant of itself: name another method or remove the key")
        for variant, backbone in definition.get("published_backbones", {}).items():
            _known(backbone, registry.backbones, f"{where}: published_backbones.{variant}", "backbone")


def _check_effects(definition: Mapping[str, Any], protocols: bool, where: str) -> None:
    """InputError for a key that can have no effect in this file."""
    for key in ("protocol", "published_protocol"):
        if key in definition and not protocols:
            raise InputError(f"{where}: {key}: {definition['implementation']} has no protocols: remove the key")
    for key in ("published_protocol", "published_backbones", "differs"):
        if key in definition and "published_as" not in definition:
            raise InputError(f"{where}: {key}: it describes published figures and needs the key published_as")
    _check_ensembles(definition, where)


def _check_ensembles(definition: Mapping[str, Any], where: str) -> None:
    members, datasets = definition["members"], definition.get("datasets", {})
    inheriting = [own.get("members", members) for own in datasets.values() if "ensemble" not in own]
    combined = {"ensemble": (definition, [members, *inheriting])}
    for name, own in datasets.items():
        combined[f"datasets.{name}.ensemble"] = (own, [own.get("members", members)])
    for key, (block, groups) in combined.items():
        if "ensemble" in block and all(len(group) < 2 for group in groups):
            raise InputError(f"{where}: {key}: one member makes no ensemble: remove the key or add a member")


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
        if wrong := fault(value, settable[key]):
            raise InputError(f"{where}: {path}.{key}{wrong}")


def check_targets(registry: Registry) -> None:
    """InputError for a target whose datasets and methods are not there or do not go together."""
    for target, chosen in registry.config["targets"].items():
        for kind, known in (("dataset", registry.datasets), ("method", registry.methods)):
            file = registry.origin.file_of("targets", target, f"{kind}s")
            for name in chosen[f"{kind}s"]:
                _known(name, known, f"{file}: targets.{target}.{kind}s", kind)
        for dataset, method in product(chosen["datasets"], chosen["methods"]):
            if not registry.serves(method, dataset):
                file = registry.origin.file_of("targets", target)
                raise InputError(
                    f"{file}: targets.{target}: {method} reads texts and {dataset} has none "
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


def _known(name: str, known: Mapping[str, Any], where: str, kind: str) -> None:
    if name not in known:
        raise InputError(f"{where}: unknown {kind} {name!r}: known are {', '.join(sorted(known))}")
