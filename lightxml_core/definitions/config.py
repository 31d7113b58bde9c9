"""What config.yaml may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Le, MinLen

from lightxml_core.definitions.kinds import Definition, Distinct, Forms, Maybe, Pattern, Protocol
from lightxml_core.values import Seed

Percent = Annotated[float, Ge(0), Le(100)]
Tolerances = Mapping[str, Percent]
Several = Annotated[int, Ge(1), Le(4096)]


@dataclass(frozen=True, kw_only=True)
class Target(Definition):
    """What one command runs: each method on each dataset."""

    datasets: Distinct[str]
    """Names of files in datasets/."""
    methods: Distinct[str]
    """Names of files in methods/ or studies/."""
    seeds: Maybe[Distinct[Seed]] = None
    """Seeds, instead of those of the configuration; of a dataset with splits, the splits."""


@dataclass(frozen=True, kw_only=True)
class Hardware(Definition):
    """What the machine offers, and how much of it a training has."""

    threads: Annotated[int, Ge(0), Le(4096)]
    """Threads of a job; 0 for as many as fit."""
    gpus: Annotated[Literal["auto"] | Several, Forms()]
    """GPUs that are used; `auto` for all that are visible."""
    gpus_per_training: Several
    """GPUs that one training uses."""
    trainings_per_gpu: Several
    """Trainings that share one GPU."""


@dataclass(frozen=True, kw_only=True)
class Config(Definition):
    """The configuration."""

    protocol: Protocol
    """The protocol of methods that name none."""
    seeds: Distinct[Seed]
    """One run per seed."""
    tolerance: Tolerances = field(hash=False)
    """How far a value may be from a published one, in percentage points, by metric; the catalogue has the others."""
    targets: Annotated[Mapping[Annotated[str, Pattern("^[a-z0-9][a-z0-9-]*$")], Target], MinLen(1)] = field(hash=False)
    """The targets by name; the first is the default."""
    own_data: Distinct[str]
    """The methods of a dataset that is read from a folder and is no target. Others have those of the first target."""
    hardware: Hardware
    """What the machine offers."""
