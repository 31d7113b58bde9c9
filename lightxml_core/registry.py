"""What exists (datasets, backbones, vectors of words, methods: one file each) and what config.yaml selects of it.

Everything is checked here, before anything runs: an unknown key, a wrong type or an unknown name is an
InputError that says in which file, at which key, and what was expected.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from lightxml_core.errors import InputError
from lightxml_core.features.vectors import FIRST
from lightxml_core.methods import BaseSettings, load_method, make_settings

_SCHEMAS = Path(__file__).parent / "schemas"
_DEFAULTS = {"propensity": {"a": 0.55, "b": 1.5}, "validation": 200, "keep": [], "features": {}, "expected": {}}

_MOST_DEPTH, _MOST_NODES = 40, 100_000
_ALWAYS = (
    "prepare_corpus",
    "split_validation",
    "train",
    "predict",
    "evaluate",
    "select",
    "tables",
    "figures",
    "report",
)
_RULES_OF = {  # the rules that prepare what a method needs
    "tokens": ("tokenize",),
    "tfidf": ("build_features",),
    "bow": ("build_features",),
    "clusters": ("build_features", "cluster_labels"),
}

# a definition of this name would have its files in a folder that is there for something else
_TAKEN = {
    "dataset": ("encoders", "figures", "tables", "targets"),
    "backbone": ("archives",),
    "vector": ("archives", *FIRST),
    "method": ("clusters", "corpus", "encoders", "features", "tokens"),
}


@dataclass(frozen=True)
class Run:
    """One cell of the grid: a trained member, or with variant `ensemble` its members together."""

    dataset: str
    method: str
    variant: str
    seed: int

    @property
    def path(self) -> str:
        return f"results/{self.dataset}/{self.method}/{self.variant}/seed{self.seed}"


@dataclass(frozen=True)
class Registry:
    """All definitions of a project folder, with the configuration that selects from them."""

    config: Mapping[str, Any]
    datasets: Mapping[str, dict[str, Any]]
    backbones: Mapping[str, dict[str, Any]]
    vectors: Mapping[str, dict[str, Any]]
    methods: Mapping[str, dict[str, Any]]

    def seeds(self, target: str) -> list[int]:
        """The seeds of a target: its own, else the configuration's."""
        return list(self.target(target).get("seeds", self.config["seeds"]))

    def target(self, name: str) -> Mapping[str, Any]:
        """The datasets and methods of a target; a dataset is one too: what serves it of the first target."""
        targets = self.config["targets"]
        if name in targets:
            return dict(targets[name])
        methods = targets[next(iter(targets))]["methods"]
        return {"datasets": [name], "methods": [method for method in methods if self.serves(method, name)]}

    def serves(self, method: str, dataset: str) -> bool:
        """Whether a method can work with a dataset: one that reads tokens cannot, where the source has no texts."""
        if not _wordless(self.datasets[dataset]["source"]):
            return True
        return not any("tokens" in self.needs(method, dataset, member) for member in self.members(method, dataset))

    @cached_property
    def targets(self) -> list[str]:
        """Names of all targets: those of the configuration, then each dataset that is not one of them."""
        return list(dict.fromkeys([*self.config["targets"], *self.datasets]))

    def protocol(self, method: str) -> str:
        """The protocol that a method fixes for members that name none, else the configuration's; else `clean`."""
        definition = self.methods[method]
        if not hasattr(load_method(definition["implementation"]), "PROTOCOLS"):
            return "clean"
        return str(definition.get("protocol", self.config["protocol"]))

    def members(self, method: str, dataset: str) -> dict[str, dict[str, Any]]:
        """The members of a method on a dataset with the settings that are theirs alone."""
        own = self.methods[method].get("datasets", {}).get(dataset, {})
        return dict(own.get("members", self.methods[method]["members"]))

    def ensemble(self, method: str, dataset: str) -> str | None:
        """How the members are combined, None where there is one member or no way is named."""
        own = self.methods[method].get("datasets", {}).get(dataset, {})
        how = own.get("ensemble", self.methods[method].get("ensemble"))
        return how if how and len(self.members(method, dataset)) > 1 else None

    def settings(self, method: str, dataset: str, member: str) -> dict[str, Any]:
        """All settings of a member: protocol, then the method's, the dataset's and the member's own on top."""
        definition = self.methods[method]
        own = definition.get("datasets", {}).get(dataset, {}).get("settings", {})
        chosen = {**definition.get("settings", {}), **own, **self.members(method, dataset)[member]}
        protocols = getattr(load_method(definition["implementation"]), "PROTOCOLS", None)
        if protocols is None:
            return chosen
        protocol = chosen.get("protocol", self.protocol(method))
        return {"protocol": protocol, **protocols[protocol], **chosen}

    def made(self, method: str, dataset: str, member: str) -> BaseSettings:
        """The settings as the method's own class, every default filled in."""
        implementation = load_method(self.methods[method]["implementation"])
        settings: BaseSettings = make_settings(implementation, self.settings(method, dataset, member))
        return settings

    def needs(self, method: str, dataset: str, member: str) -> frozenset[str]:
        """The prepared inputs that a member reads."""
        implementation = load_method(self.methods[method]["implementation"])
        return implementation.needs(self.made(method, dataset, member))

    def runs(self, target: str) -> Iterator[Run]:
        """Every run of a target, members before their ensemble."""
        chosen = self.target(target)
        for dataset in chosen["datasets"]:
            for method in chosen["methods"]:
                variants = list(self.members(method, dataset))
                if self.ensemble(method, dataset):
                    variants.append("ensemble")
                yield from (Run(dataset, method, v, seed) for v in variants for seed in self.seeds(target))

    def selection(self, target: str) -> dict[str, Any]:
        """The target as data, for the reporting: its datasets, methods and runs with their folders."""
        chosen = self.target(target)
        return {
            "target": target,
            "datasets": {name: self._about_dataset(name) for name in chosen["datasets"]},
            "methods": {name: self._about_method(name) for name in chosen["methods"]},
            "runs": [self._about_run(run) for run in self.runs(target)],
            "rules": self.rules(target),
        }

    def rules(self, target: str) -> list[str]:
        """Names of the workflow's rules (`rules/`) that make a target, sorted."""
        sources = [self.datasets[name]["source"] for name in self.target(target)["datasets"]]
        sources = [self.datasets[source["cut"]]["source"] if "cut" in source else source for source in sources]
        runs = list(self.runs(target))
        found = {*_ALWAYS, *({"ensemble"} & {run.variant for run in runs})}
        found |= {"download_dataset" for source in sources if "folder" not in source}
        for run in runs:
            if run.variant != "ensemble":
                found |= self._rules_of_member(run.method, run.dataset, run.variant)
        return sorted(found)

    def _rules_of_member(self, method: str, dataset: str, member: str) -> set[str]:
        needs, settings = self.needs(method, dataset, member), vars(self.made(method, dataset, member))
        found = {rule for need, rules in _RULES_OF.items() if need in needs for rule in rules}
        if "tokens" in needs:
            scratch = "scratch" in self.backbones[settings["backbone"]]["source"]
            found.add("build_encoder" if scratch else "download_encoder")
        if "vectors" in needs and settings["vectors"] in self.vectors:
            found.add("download_vectors")
        return found

    def _about_dataset(self, name: str) -> dict[str, Any]:
        keys = ("title", "published_as", "note", "licence", "expected")
        stats = f"results/{name}/corpus/stats.json"
        cut = self.datasets[name]["source"].get("cut")
        return {**{key: self.datasets[name].get(key) for key in keys}, "cut": cut, "stats": stats}

    def _about_method(self, name: str) -> dict[str, Any]:
        printed = ("published_as", "published_protocol", "published_backbones")
        keys = ("title", *printed, "differs", "base", "implementation", "note")
        base = self.methods.get(self.methods[name].get("base", ""), {})
        return {**{key: self.methods[name].get(key) for key in keys}, "base_title": base.get("title")}

    def _about_run(self, run: Run) -> dict[str, Any]:
        member = next(iter(self.members(run.method, run.dataset))) if run.variant == "ensemble" else run.variant
        settings = self.settings(run.method, run.dataset, member)
        about = {"dataset": run.dataset, "method": run.method, "variant": self._shown(run), "seed": run.seed}
        backbone = None if run.variant == "ensemble" else settings.get("backbone")
        protocol = settings.get("protocol", self.protocol(run.method))
        chosen = None if run.variant == "ensemble" else settings
        return {**about, "protocol": protocol, "backbone": backbone, "path": run.path, "settings": chosen}

    def _shown(self, run: Run) -> str:
        """A variant as every table names it: a member with the vectors of words it starts from, where it has any."""
        if run.variant == "ensemble":
            return run.variant
        vectors = getattr(self.made(run.method, run.dataset, run.variant), "vectors", None)
        return run.variant if vectors is None else f"{run.variant}, {Path(vectors).stem} vectors"


def load_registry(root: Path, config: Mapping[str, Any]) -> Registry:
    """Read the folders of definitions under `root` and check them and `config`, one against another."""
    _check(config, "config", "config.yaml")
    folders = {kind: _load_folder(root / f"{kind}s", kind) for kind in ("dataset", "backbone", "vector", "method")}
    datasets = {name: {**_DEFAULTS, **definition} for name, definition in folders["dataset"].items()}
    registry = Registry(config, datasets, folders["backbone"], folders["vector"], folders["method"])
    _check_datasets(registry)
    _check_methods(registry)
    _check_targets(registry)
    return registry


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


def _load_folder(folder: Path, kind: str) -> dict[str, dict[str, Any]]:
    definitions = {}
    for path in sorted(folder.glob("*.yaml")):
        _check_name(path.stem, kind, f"{folder.name}/{path.name}")
        definition = read_config(path)
        _check(definition, kind, f"{folder.name}/{path.name}")
        definitions[path.stem] = definition
    return definitions


def _check_name(name: str, kind: str, where: str) -> None:
    if not re.fullmatch("[a-z0-9][a-z0-9-]*", name):
        raise InputError(f"{where}: a {kind} is named with small letters, digits and hyphens: rename the file")
    if name in _TAKEN[kind]:
        raise InputError(f"{where}: {name!r} is the name of a folder that the workflow makes: rename the file")


def _check(value: Any, schema: str, where: str) -> None:
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
        {name: lambda _, found, kind=kind: _fits(found, kind) for name, kind in kinds.items()}
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


def _check_datasets(registry: Registry) -> None:
    for name, definition in registry.datasets.items():
        parent = definition["source"].get("cut")
        if parent is not None:
            _known(parent, registry.datasets, f"datasets/{name}.yaml: source.cut", "dataset")
            if "cut" in registry.datasets[parent]["source"]:
                raise InputError(f"datasets/{name}.yaml: source.cut: {parent} is itself a cut; cut its source instead")
            if _wordless(registry.datasets[parent]["source"]):
                raise InputError(
                    f"datasets/{name}.yaml: source.cut: {parent} is a bag of words; cut a source with texts"
                )


def _check_methods(registry: Registry) -> None:
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
        if not _fits(value, settable[key]):
            raise InputError(f"{where}: {path}.{key}: expected {_expected(settable[key])}, found {value!r}")


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(entry, *get_args(kind)) for entry in value)
    if kind is float:
        finite = isinstance(value, (int, float)) and abs(value) <= sys.float_info.max
        return finite and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


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


def _check_targets(registry: Registry) -> None:
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


def _wordless(source: Mapping[str, Any]) -> bool:
    """Whether every copy of a source is a bag of words."""
    return all(copy.get("layout") == "xmc-bow" for copy in source.get("mirrors", [source]))
