"""The definitions as one thing to ask: which runs a target has, which settings, members and rules a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from lightxml_core.corpus.layouts import LAYOUTS
from lightxml_core.definitions.backbone import Backbone, HubSource
from lightxml_core.definitions.config import Config, Target
from lightxml_core.definitions.corpus import Expected
from lightxml_core.definitions.dataset import Dataset, Mirror
from lightxml_core.definitions.kinds import plain
from lightxml_core.definitions.method import Method, Override
from lightxml_core.definitions.vectors import Vectors
from lightxml_core.downloads.mirrors import copies
from lightxml_core.errors import InputError
from lightxml_core.methods import BaseSettings, flatten, holds_out, load_method, make_settings
from lightxml_core.registry.origin import ONE_FILE, Origin
from lightxml_core.selection import (
    ENSEMBLE,
    WITHOUT_VALIDATION,
    Blended,
    DatasetInfo,
    Difference,
    MethodInfo,
    PartInfo,
    Run,
    RunFeatures,
    Selection,
)

SHIPPED, BUILT = "shipped", "tfidf"  # kinds of TF-IDF


_SPLIT = "/split"
_NOTHING = Override()


class Member(NamedTuple):
    """A member of a method, as `method/member` in files."""

    method: str
    member: str

    def __str__(self) -> str:
        return "/".join(self)


@dataclass(frozen=True)
class Registry:
    """All definitions of a project folder, with the configuration that selects from them."""

    config: Config
    datasets: Mapping[str, Dataset]
    backbones: Mapping[str, Backbone]
    vectors: Mapping[str, Vectors]
    methods: Mapping[str, Method]
    origin: Origin = ONE_FILE
    studies: frozenset[str] = frozenset()
    """The methods that lie in studies/, not in methods/."""

    def file_of_method(self, name: str) -> str:
        """The file that defines a method, relative to the project."""
        return f"{'studies' if name in self.studies else 'methods'}/{name}.yaml"

    def seeds(self, target: str, dataset: str) -> list[int]:
        """The seeds of a target on a dataset: its own; else of a dataset with splits one per split, of others the
        configuration's.
        """
        splits, own = self.splits(dataset), self.target(target).seeds
        default = self.config.seeds if splits is None else range(splits)
        return list(default if own is None else own)

    def splits(self, dataset: str) -> int | None:
        """How many splits a dataset has; None for one with fixed parts."""
        splits = self.definition(dataset).splits
        return None if splits is None else splits.count

    def definition(self, corpus: str) -> Dataset:
        """The definition of a dataset, which is also that of each of its splits."""
        return self.datasets[whole_of(corpus)]

    def corpus(self, dataset: str, seed: int) -> str:
        """The folder below `results/` of the corpus that a seed runs on: the dataset's, or one of its splits'."""
        return dataset if self.splits(dataset) is None else f"{dataset}{_SPLIT}{seed}"

    def corpora(self, target: str) -> dict[str, list[str]]:
        """The corpora of a target by dataset; several only of a dataset with splits."""
        return {
            name: list(dict.fromkeys(self.corpus(name, seed) for seed in self.seeds(target, name)))
            for name in self.target(target).datasets
        }

    @cached_property
    def all_corpora(self) -> list[str]:
        """Every corpus that can be prepared."""
        return [self.corpus(name, number) for name in self.datasets for number in range(self.splits(name) or 1)]

    def target(self, name: str) -> Target:
        """The datasets and methods of a target.

        A dataset is one too: what serves it of the first target, or of `own_data` for one that is read from a folder.
        """
        targets = self.config.targets
        if name in targets:
            return targets[name]
        first = targets[next(iter(targets))].methods
        methods = first if self.datasets[name].folder is None else self.config.own_data
        return Target(datasets=(name,), methods=tuple(method for method in methods if self.serves(method, name)))

    def serves(self, method: str, dataset: str) -> bool:
        """Whether a method can work with a dataset: one that reads tokens cannot, where the source has no texts."""
        if not self.definition(dataset).wordless:
            return True
        return not any("tokens" in self.needs(of.method, dataset, of.member) for of in self.trained(method, dataset))

    @cached_property
    def targets(self) -> list[str]:
        """Names of all targets: those of the configuration, then each dataset that is not one of them."""
        return list(dict.fromkeys([*self.config.targets, *self.datasets]))

    def protocol(self, method: str, dataset: str, member: str) -> str:
        """The protocol of a member: its own, else its method's, else the configuration's.

        A method without protocols of its own differs by its features alone: `official` where a member reads those that
        copies of the dataset ship, else `clean`. A blend is `official` where one of its members is.
        """
        if blended := self.blended(method, dataset, member):
            return max(self.protocol(of.method, dataset, of.member) for of in blended)  # "official" > "clean"
        if self._protocols(method) is None:
            return "official" if self.tfidf(method, dataset, member) == SHIPPED else "clean"
        return str(self.settings(method, dataset, member)["protocol"])

    def tfidf(self, method: str, dataset: str, member: str) -> str | None:
        """The TF-IDF that a member, or its label clusters, are made from; None where neither reads any.

        `shipped`: by the protocol `official`, that of the downloaded copy, or built where this ships none. `tfidf`:
        built from the texts, also for a member that looks words up, which shipped features do not name.
        """
        needs = self.needs(method, dataset, member)
        if not needs & {"tfidf", "clusters"}:
            return None
        protocol = self.settings(method, dataset, member).get("protocol", self.config.protocol)
        looks_up = {"tfidf", "vectors"} <= needs
        return SHIPPED if self.may_ship(dataset) and protocol == "official" and not looks_up else BUILT

    def may_ship(self, dataset: str) -> bool:
        """Whether a copy of a dataset that is downloaded may hold TF-IDF beside its texts."""
        mirrors = self.definition(dataset).mirrors
        return all(mirror.layout != "xmc-bow" for mirror in mirrors) and any(map(_may_ship, mirrors))

    def _protocols(self, method: str) -> Mapping[str, dict[str, Any]] | None:
        """The settings of each protocol that a method's implementation has; None where it has none."""
        return getattr(load_method(self.methods[method].implementation), "PROTOCOLS", None)

    def members(self, method: str, dataset: str) -> dict[str, dict[str, Any]]:
        """The members of a method on a dataset with the settings that are theirs alone."""
        own = self._own(method, dataset).members
        return {name: dict(settings) for name, settings in (own or self.methods[method].members).items()}

    def blended(self, method: str, dataset: str, member: str) -> tuple[Member, ...]:
        """The members of other methods that a member blends; none for a member that learns by itself.

        InputError for one that is not there on this dataset, or that selects on its test documents.
        """
        named = flatten(self.made(method, dataset, member)).get("blends", ())
        found = tuple(Member(*name.split("/", 1)) for name in named)
        for of in found:
            where, there = f"{self.file_of_method(method)}: blends: {of}", self.members(of.method, dataset)
            if of.member not in there:
                raise InputError(f"{where} is not there on {dataset}: its members are {', '.join(there)}")
            if "test" in self.needs(of.method, dataset, of.member):
                file = self.file_of_method(of.method)
                raise InputError(
                    f"{where} selects on the test documents of {dataset}: set `protocol: clean` in {file}, or remove it"
                )
        return found

    def trained(self, method: str, dataset: str) -> list[Member]:
        """The members that a method needs trained on a dataset: its own, and before them those that they blend."""
        own = [Member(method, member) for member in self.members(method, dataset)]
        return list(dict.fromkeys(of for one in own for of in (*self.blended(one.method, dataset, one.member), one)))

    def holds_out(self, method: str, dataset: str, member: str) -> bool:
        """Whether the training of a member leaves the validation documents out."""
        return holds_out(load_method(self.methods[method].implementation), self.made(method, dataset, member))

    def ensemble(self, method: str, dataset: str) -> str | None:
        """How the members are combined, None where there is one member or no way is named."""
        how = self._own(method, dataset).ensemble or self.methods[method].ensemble
        return how if how and len(self.members(method, dataset)) > 1 else None

    def settings(self, method: str, dataset: str, member: str) -> dict[str, Any]:
        """All settings of a member: protocol, then the method's, the dataset's and the member's own on top.

        InputError for a member that the method does not have on this dataset.
        """
        definition, members = self.methods[method], self.members(method, dataset)
        if member not in members:
            raise InputError(
                f"{self.file_of_method(method)}: no member {member!r} on {dataset}: there are {', '.join(members)}"
            )
        chosen = {**definition.settings, **self._own(method, dataset).settings, **members[member]}
        protocols = self._protocols(method)
        if protocols is None:
            return chosen
        protocol = str(chosen.get("protocol", definition.protocol or self.config.protocol))
        return {"protocol": protocol, **protocols[protocol], **chosen}

    def _own(self, method: str, dataset: str) -> Override:
        """What the file of a method says for one dataset."""
        return self.methods[method].datasets.get(whole_of(dataset), _NOTHING)

    def made(self, method: str, dataset: str, member: str) -> BaseSettings:
        """The settings as the method's own class, every default filled in."""
        return self._makes(method, dataset, member)

    @cached_property
    def _makes(self) -> Callable[[str, str, str], BaseSettings]:
        """`_make`, once per member: a plan asks thousands of times."""
        return cache(self._make)

    def _make(self, method: str, dataset: str, member: str) -> BaseSettings:
        implementation = load_method(self.methods[method].implementation)
        settings: BaseSettings = make_settings(implementation, self.settings(method, dataset, member))
        return settings

    def needs(self, method: str, dataset: str, member: str) -> frozenset[str]:
        """The prepared inputs that a member reads."""
        implementation = load_method(self.methods[method].implementation)
        return implementation.needs(self.made(method, dataset, member))

    def runs(self, target: str) -> Iterator[Run]:
        """Every run of a target, members before their ensemble."""
        chosen = self.target(target)
        for dataset in chosen.datasets:
            for method in chosen.methods:
                variants: list[str | None] = list(self.members(method, dataset))
                if self.ensemble(method, dataset):
                    variants.append(None)
                for member, seed in product(variants, self.seeds(target, dataset)):
                    yield self._run(dataset, method, member, seed)

    def selection(self, target: str) -> Selection:
        """What the reporting reads of a target: its datasets, methods and runs with their folders."""
        runs = tuple(self.runs(target))
        return Selection(
            target=target,
            datasets={name: self._dataset_info(name, first) for name, (first, *_) in self.corpora(target).items()},
            methods={name: self._method_info(name) for name in self.target(target).methods},
            runs=runs,
            encoders={run.backbone: self._encoder_info(run.backbone) for run in runs if run.backbone},
            vectors={name: self._vectors_info(name) for name in map(self._vectors_of, runs) if name in self.vectors},
        )

    def differences(self, method: str) -> tuple[Difference, ...]:
        """How a method differs from the published one."""
        found = self.methods[method].differs
        return tuple(Difference(one) if isinstance(one, str) else Difference(one.what, one.datasets) for one in found)

    def _dataset_info(self, name: str, corpus: str) -> DatasetInfo:
        """corpus: the one whose statistics and documents are shown."""
        definition = self.datasets[name]
        whole = definition if definition.cut is None else self.datasets[definition.cut.cut]
        return DatasetInfo(
            title=definition.title,
            published_as=definition.published_as,
            note=definition.note,
            licence=definition.licence or whole.licence,
            expected=plain(definition.expected),
            cut=None if definition.cut is None else definition.cut.cut,
            splits=self.splits(name),
            stats=Path(f"results/{corpus}/corpus/stats.json"),
        )

    def _method_info(self, name: str) -> MethodInfo:
        definition = self.methods[name]
        return MethodInfo(
            title=definition.title,
            published_as=definition.published_as,
            published_protocol=definition.published_protocol,
            published_backbones=definition.published_backbones,
            base=definition.base,
            base_title=None if definition.base is None else self.methods[definition.base].title,
            implementation=definition.implementation,
            note=definition.note,
            differs=self.differences(name),
        )

    def _encoder_info(self, name: str) -> PartInfo:
        encoder = self.backbones[name]
        hub = encoder.source.hub if isinstance(encoder.source, HubSource) else None
        return PartInfo(encoder.title, encoder.scratch is None, encoder.note, encoder.licence, hub)

    def _vectors_info(self, name: str) -> PartInfo:
        vectors = self.vectors[name]
        return PartInfo(vectors.title, True, vectors.note, vectors.licence)

    def _vectors_of(self, run: Run) -> str:
        """What its setting `vectors` says; empty where the method has none, and for an ensemble."""
        member = run.member and flatten(self.made(run.method, run.dataset, run.member))
        return str(member.get("vectors", "")) if member else ""

    def _run(self, dataset: str, method: str, member: str | None, seed: int) -> Run:
        """member: None for the ensemble, which has the protocol and the features of the first one."""
        of = member or next(iter(self.members(method, dataset)))
        settings, corpus = self.settings(method, dataset, of), self.corpus(dataset, seed)
        return Run(
            dataset=dataset,
            method=method,
            variant=self._shown(method, dataset, member),
            seed=seed,
            path=_folder(corpus, Member(method, member or ENSEMBLE), seed),
            member=member,
            protocol=self.protocol(method, dataset, of),
            backbone=settings.get("backbone") if member else None,
            settings=settings if member else None,
            features=self._run_features(method, dataset, of, corpus),
            blended=self._run_blended(method, dataset, member, corpus, seed) if member else (),
        )

    def _run_blended(self, method: str, dataset: str, member: str, corpus: str, seed: int) -> tuple[Blended, ...]:
        found = []
        for of in self.blended(method, dataset, member):
            path, held_out = _folder(corpus, of, seed), self.holds_out(of.method, dataset, of.member)
            found.append(Blended(str(of), path, None if held_out else path / WITHOUT_VALIDATION))
        return tuple(found)

    def _run_features(self, method: str, dataset: str, member: str, corpus: str) -> RunFeatures | None:
        kind = self.tfidf(method, dataset, member)
        if kind is None:
            return None
        reads = "tfidf" in self.needs(method, dataset, member)
        return RunFeatures(Path(f"results/{corpus}/features/{kind}"), "documents" if reads else "clusters")

    def _shown(self, method: str, dataset: str, member: str | None) -> str:
        """A variant as every table names it: a member with the vectors of words it starts from, where it has any."""
        if member is None:
            return ENSEMBLE
        vectors = flatten(self.made(method, dataset, member)).get("vectors")
        return member if vectors is None else f"{member}, {Path(vectors).stem} vectors"


def _folder(corpus: str, of: Member, seed: int) -> Path:
    return Path(f"results/{corpus}/{of}/seed{seed}")


def _may_ship(mirror: Mirror) -> bool:
    """Whether a copy may hold TF-IDF: an archive whatever its layout may have, loose files what is listed."""
    shipped = {features.trn for features in LAYOUTS[mirror.layout].shipped}
    stored = {piece.stored for piece in copies([mirror], Expected())[0].pieces}
    return bool(shipped and (None in stored or shipped & stored))


def whole_of(corpus: str) -> str:
    """The name of the dataset that a corpus is of, or is a split of."""
    return corpus.partition(_SPLIT)[0]


def split_of(corpus: str) -> int:
    """The number of the split that a corpus is; 0 where its dataset has none."""
    return int(corpus.partition(_SPLIT)[2] or 0)
