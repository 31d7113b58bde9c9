"""What a file in methods/ may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from lightxml_core.definitions.kinds import Definition, Distinct, Forms, Listed, Maybe, Pattern, Protocol

Ensemble = Literal["mean", "sum", "rank", "round-robin"]
Settings = Mapping[str, Any]  # their keys and types come from the implementation's Settings class
Members = Annotated[Mapping[Annotated[str, Pattern("^(?!ensemble$)[a-z0-9][a-z0-9-]*$")], Settings], MinLen(1)]


@dataclass(frozen=True, kw_only=True)
class Difference(Definition):
    """A difference that concerns the published figures of some datasets alone."""

    what: str
    """The difference, in one sentence."""
    datasets: Distinct[str]
    """The datasets that it concerns."""


@dataclass(frozen=True, kw_only=True)
class Override(Definition):
    """What is different for one dataset."""

    ensemble: Maybe[Ensemble] = None
    """How the members are combined."""
    settings: Settings = field(default_factory=dict, hash=False)
    """Settings, laid over those of the method."""
    members: Maybe[Members] = None
    """Members, instead of those of the method."""


@dataclass(frozen=True, kw_only=True)
class Method(Definition):
    """A method: an implementation with its settings, and the members that are trained."""

    title: str
    """Its name in tables."""
    note: Maybe[str] = None
    """A remark, shown in the report."""
    published_as: Maybe[str] = None
    """Its name in published/."""
    published_protocol: Maybe[Protocol] = None
    """The protocol of the published figures."""
    published_backbones: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The backbone here by published variant."""
    differs: Annotated[tuple[Annotated[str | Difference, Forms()], ...], Listed()] = ()
    """How it differs from the published method: one sentence each, or a sentence and the datasets that it concerns."""
    base: Maybe[str] = None
    """The method that the members of this one are variants of: its figures are ablations."""
    implementation: str
    """The module in lightxml_core/methods/."""
    protocol: Maybe[Protocol] = None
    """The protocol, instead of the one in config.yaml."""
    ensemble: Maybe[Ensemble] = None
    """How the members are combined."""
    settings: Settings = field(default_factory=dict, hash=False)
    """Settings of all members."""
    members: Members = field(hash=False)
    """The members by name, each with the settings that are its own."""
    datasets: Mapping[str, Override] = field(default_factory=dict, hash=False)
    """What is different for some datasets, by name."""
