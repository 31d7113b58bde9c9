"""The definitions one against another: every name known, every setting one that its method has."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from lightxml_core.corpus.layouts import foreign_keys, only
from lightxml_core.definitions.backbone import Backbone, Scratch
from lightxml_core.definitions.config import Target
from lightxml_core.definitions.corpus import Expected, Splits
from lightxml_core.definitions.dataset import CutSource, Dataset, Mirror, MirrorFiles
from lightxml_core.definitions.kinds import plain
from lightxml_core.definitions.method import Method, Override, Settings
from lightxml_core.downloads.mirrors import copies, is_file_name
from lightxml_core.encoders.scratch import WITHOUT_EFFECT, ScratchConfig
from lightxml_core.errors import InputError
from lightxml_core.features.vectors import FIRST
from lightxml_core.methods import BaseSettings, flatten, load_method, settable
from lightxml_core.registry.grid import Registry
from lightxml_core.user_files import located
from lightxml_core.values import fault


def check_datasets(registry: Registry, root: Path) -> None:
    """InputError for a cut of what is not there or cannot be cut, a folder that is none, or a key without use.

    root: the project's folder, from which relative paths count.
    """
    for name, definition in registry.datasets.items():
        where = f"datasets/{name}.yaml"
        _check_reading(definition, f"{where}: source")
        _check_expected(definition, where)
        _check_mirrors(definition.mirrors, f"{where}: source.mirrors")
        if definition.folder is not None:
            _check_folder(definition.folder.folder, root, where)
        if definition.features is not None and definition.wordless:
            raise InputError(f"{where}: features: the source ships its own features: remove the key")
        if definition.cut is not None:
            _check_cut(definition.cut, registry.datasets, f"{where}: source.cut")


def _check_cut(source: CutSource, datasets: Mapping[str, Dataset], where: str) -> None:
    parent = source.cut
    _known(parent, datasets, where, "dataset")
    if datasets[parent].cut is not None:
        raise InputError(f"{where}: {parent} is itself a cut; cut its source instead")
    if datasets[parent].wordless:
        raise InputError(f"{where}: {parent} is a bag of words; cut a source with texts")


def _check_reading(definition: Dataset, where: str) -> None:
    """InputError for a key that says how files are read and has no effect on those of every copy."""
    for layout in sorted(set(definition.layouts)):
        if foreign := foreign_keys(layout, plain(definition.source)):
            raise InputError(f"{where}.{foreign[0]}: {only(foreign[0])}, not {layout}: remove the key")
    if definition.splits is not None:
        _check_parts(definition.splits, f"{where}.splits")


def _check_expected(definition: Dataset, where: str) -> None:
    """InputError for an expected statistic that no two random splits share."""
    random = definition.splits is not None and not definition.splits.files
    if random and (keys := definition.expected.of_parts):
        raise InputError(f"{where}: expected.{keys[0]}: differs between random splits: remove the key")


def _check_parts(splits: Splits, where: str) -> None:
    if isinstance(splits.trn, str) != isinstance(splits.tst, str):
        raise InputError(f"{where}: trn and tst must be two files or two numbers of documents: correct one")
    if isinstance(splits.trn, str) and splits.trn == splits.tst:
        raise InputError(f"{where}: trn and tst are the same file: name the file of each part")


def _check_mirrors(mirrors: tuple[Mirror, ...], where: str) -> None:
    kept: dict[str, str] = {}
    for number, (entry, copy) in enumerate(zip(mirrors, copies(mirrors, Expected()), strict=True)):
        if copy.accept and entry.expected is not None:
            raise InputError(f"{where}.{number}.expected: has no effect beside `accept: true`: remove one of them")
        for place, piece in enumerate(copy.pieces):
            key = f"{where}.{number}.files.{place}" if isinstance(entry, MirrorFiles) else f"{where}.{number}"
            if not is_file_name(piece.kept):
                raise InputError(f"{key}: its address ends in no file's name: say by `name` what the file is called")
            if piece.kept in kept:
                other = kept[piece.kept]
                raise InputError(f"{key}: would be kept as {piece.kept}, like {other}: say by `archive` another name")
            kept[piece.kept] = key
        stored = [piece.stored for piece in copy.pieces]
        if twice := [name for name in stored if stored.count(name) > 1]:
            raise InputError(f"{where}.{number}.files: two of them have the name {twice[0]}: rename one by `name`")


def check_backbones(registry: Registry, root: Path) -> None:
    """InputError for sizes from scratch that do not fit together or have no effect, or a folder that is none.

    root: the project's folder, from which relative paths count.
    """
    for name, definition in registry.backbones.items():
        where = f"backbones/{name}.yaml"
        if definition.folder is not None:
            _check_folder(definition.folder.folder, root, where)
        if definition.scratch is not None:
            _check_scratch(definition, definition.scratch, where)


def _check_scratch(definition: Backbone, scratch: Scratch, where: str) -> None:
    if definition.size is not None:
        raise InputError(f"{where}: size: source.scratch says the size of an encoder from scratch: remove the key")
    for key in sorted(plain(scratch).keys() & WITHOUT_EFFECT[scratch.type]):
        raise InputError(f"{where}: source.scratch.{key}: has no effect for the type {scratch.type}: remove the key")
    try:
        ScratchConfig(**plain(scratch))
    except InputError as error:
        raise InputError(f"{where}: source.scratch: {error}") from None


def _check_folder(folder: str, root: Path, where: str) -> None:
    """Only what is there and no folder is refused here: what is not there may be on another disk, for another run."""
    if located(root, folder).is_file():
        raise InputError(f"{where}: source.folder: {folder} is a file: name the folder that holds it")


def check_methods(registry: Registry) -> None:
    """InputError for a method's file that names what is not there, or a setting that its implementation has not."""
    for name, definition in registry.methods.items():
        where = registry.file_of_method(name)
        try:
            implementation = load_method(definition.implementation)
        except InputError as error:
            raise InputError(f"{where}: implementation: {error}") from None
        types = settable(implementation.Settings)
        _check_effects(definition, hasattr(implementation, "PROTOCOLS"), "backbone" in types, where)
        for path, settings in _setting_blocks(definition):
            _check_settings(settings, types, where, path)
            for key in {"backbone", "names_backbone"} & settings.keys():
                _known(settings[key], registry.backbones, f"{where}: {path}.{key}", "backbone")
            if "vectors" in settings and "/" not in settings["vectors"]:  # a path is one that has a slash
                known = {**dict.fromkeys(FIRST), **registry.vectors}
                _known(settings["vectors"], known, f"{where}: {path}.vectors", "vectors", "; a file's path has a slash")
        for dataset in definition.datasets:
            _known(dataset, registry.datasets, f"{where}: datasets", "dataset")
        for number, difference in enumerate(definition.differs):
            for dataset in () if isinstance(difference, str) else difference.datasets:
                _known(dataset, registry.datasets, f"{where}: differs.{number}.datasets", "dataset")
        _known(definition.base or name, registry.methods, f"{where}: base", "method")
        if definition.base == name:
            raise InputError(f"{where}: base: a method is no variant of itself: name another method or remove the key")
        for variant, backbone in definition.published_backbones.items():
            _known(backbone, registry.backbones, f"{where}: published_backbones.{variant}", "backbone")
        _check_made(registry, name)
    for name, definition in registry.methods.items():  # when the members that they blend are checked
        for path, settings in _setting_blocks(definition):
            for blended in settings.get("blends", ()):
                _check_blended(blended, registry, f"{registry.file_of_method(name)}: {path}.blends")


def _check_effects(definition: Method, protocols: bool, backbones: bool, where: str) -> None:
    """InputError for a key that can have no effect in this file.

    protocols, backbones: whether the implementation has any.
    """
    given = plain(definition)
    for key in ("protocol", "published_protocol"):
        if key in given and not protocols:
            raise InputError(f"{where}: {key}: {definition.implementation} has no protocols: remove the key")
    if definition.protocol is not None and _all_name_protocol(definition):
        raise InputError(f"{where}: protocol: the settings of every member name their own: remove the key")
    if "published_backbones" in given and not backbones:
        raise InputError(f"{where}: published_backbones: {definition.implementation} has none: remove the key")
    for key in ("published_protocol", "published_backbones", "differs"):
        if key in given and definition.published_as is None:
            raise InputError(f"{where}: {key}: it describes published figures and needs the key published_as")
    _check_ensembles(definition, where)


def _all_name_protocol(definition: Method) -> bool:
    """Whether the settings of all members, on every dataset, say by which protocol."""
    for own in (Override(), *definition.datasets.values()):
        for settings in (own.members or definition.members).values():
            if "protocol" not in {**definition.settings, **own.settings, **settings}:
                return False
    return True


def _check_ensembles(definition: Method, where: str) -> None:
    members, datasets = definition.members, definition.datasets
    inheriting = [own.members or members for own in datasets.values() if own.ensemble is None]
    combined = {"ensemble": (definition.ensemble, [members, *inheriting])}
    for name, own in datasets.items():
        combined[f"datasets.{name}.ensemble"] = (own.ensemble, [own.members or members])
    for key, (ensemble, groups) in combined.items():
        if ensemble is not None and all(len(group) < 2 for group in groups):
            raise InputError(f"{where}: {key}: one member makes no ensemble: remove the key or add a member")


def _check_made(registry: Registry, method: str) -> None:
    """Settings that fit one by one may not fit together, or not the encoder; on each dataset that has its own."""
    own = registry.methods[method].datasets
    for dataset in [*[name for name in registry.datasets if name not in own][:1], *own]:
        for member in registry.members(method, dataset):
            try:
                settings = registry.made(method, dataset, member)
                _check_encoder(settings, registry)
                if flatten(settings).get("blends") == []:
                    raise InputError("blends: expected members of other methods, each as method/member, found none")
            except InputError as error:
                where = f"member {member} on {dataset}" if dataset in own else f"member {member}"
                raise InputError(f"{registry.file_of_method(method)}: {where}: {error}") from None


def _check_blended(name: str, registry: Registry, where: str) -> None:
    """InputError for what is no member of another method, or for a member that is a blend itself."""
    method, slash, member = name.partition("/")
    if not slash:
        raise InputError(f"{where}: expected a member of a method as method/member, found {name!r}")
    _known(method, registry.methods, where, "method")
    definition = registry.methods[method]
    if "blends" in settable(load_method(definition.implementation).Settings):
        raise InputError(
            f"{where}: {name} is itself a blend, which learnt from the validation documents: name the members that it "
            "blends instead"
        )
    groups = [definition.members, *(own.members or {} for own in definition.datasets.values())]
    _known(member, {one: None for group in groups for one in group}, where, f"member of {method}")


def _check_encoder(settings: BaseSettings, registry: Registry) -> None:
    """InputError for settings that do not go with their backbone; if only its files say its depth, training tells."""
    backbone = flatten(settings).get("backbone")
    if backbone is not None:
        _known(backbone, registry.backbones, "backbone", "backbone")
        settings.check_encoder(_depth(registry.backbones[backbone]))


def _depth(backbone: Backbone) -> int | None:
    if backbone.scratch is not None:
        return ScratchConfig(**plain(backbone.scratch)).depth
    return None if backbone.size is None else backbone.size.layers


def _setting_blocks(definition: Method | Override, prefix: str = "") -> Iterator[tuple[str, Settings]]:
    """Every mapping of settings in a method's file, with its dotted path."""
    yield f"{prefix}settings", definition.settings
    for member, settings in (definition.members or {}).items():
        yield f"{prefix}members.{member}", settings
    if isinstance(definition, Method):
        for dataset, own in definition.datasets.items():
            yield from _setting_blocks(own, f"datasets.{dataset}.")


def _check_settings(settings: Mapping[str, Any], types: Mapping[str, Any], where: str, path: str) -> None:
    for key, value in settings.items():
        if key not in types:
            raise InputError(
                f"{where}: unknown key '{path}.{key}': known here are {', '.join(sorted(types)) or 'none'}"
            )
        if wrong := fault(value, types[key]):
            raise InputError(f"{where}: {path}.{key}{wrong}")


def check_published(registry: Registry, root: Path) -> None:
    """InputError for a name under which the project's published/ has no figures."""
    named = {
        "dataset": {f"datasets/{name}.yaml": entry.published_as for name, entry in registry.datasets.items()},
        "method": {registry.file_of_method(name): entry.published_as for name, entry in registry.methods.items()},
    }
    for kind, names in named.items():
        known, hint = _printed(root / "published", kind), "; others have no figures in published/"
        for file, name in names.items():
            if known and name is not None:
                _known(name, known, f"{file}: published_as", kind, hint)


def _printed(folder: Path, column: str) -> dict[str, None]:
    """What stands in a column of the published figures; whoever reads them all checks the files."""
    found: dict[str, None] = {}
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as opened:
            found |= dict.fromkeys(row.get(column) or "-" for row in csv.DictReader(opened))
    found.pop("-", None)
    return found


def check_targets(registry: Registry) -> None:
    """InputError for a target whose datasets and methods are not there or do not go together."""
    for name in registry.config.own_data:
        _known(name, registry.methods, f"{registry.origin.file_of('own_data')}: own_data", "method")
    for target, chosen in registry.config.targets.items():
        for kind, known in (("dataset", registry.datasets), ("method", registry.methods)):
            file = registry.origin.file_of("targets", target, f"{kind}s")
            for name in getattr(chosen, f"{kind}s"):
                _known(name, known, f"{file}: targets.{target}.{kind}s", kind)
        _check_splits(registry, target, chosen)
        for dataset, method in product(chosen.datasets, chosen.methods):
            for member in registry.members(method, dataset):
                registry.blended(method, dataset, member)  # an InputError where it cannot blend them
            if not registry.serves(method, dataset):
                file = registry.origin.file_of("targets", target)
                raise InputError(
                    f"{file}: targets.{target}: {method} reads texts and {dataset} has none "
                    "(a bag-of-words source): choose another method for it"
                )


def _check_splits(registry: Registry, target: str, chosen: Target) -> None:
    for dataset, seed in product(chosen.datasets, chosen.seeds or ()):
        splits = registry.splits(dataset)
        if splits is not None and seed >= splits:
            file = registry.origin.file_of("targets", target, "seeds")
            raise InputError(
                f"{file}: targets.{target}.seeds: seed {seed} runs on a split of its number and {dataset} has those "
                f"from 0 to {splits - 1}: lower the seed or remove it"
            )


def _known(name: str, known: Mapping[str, Any], where: str, kind: str, hint: str = "") -> None:
    if name not in known:
        raise InputError(f"{where}: unknown {kind} {name!r}: known are {', '.join(sorted(known))}{hint}")
