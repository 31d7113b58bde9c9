"""Every kind of table, in the order of the report. A new one is a module with `build` and a line here.

Imports nothing heavy: the workflow reads the names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lightxml_core.reporting.tables import (
    ablations,
    comparison,
    cost,
    datasets,
    main,
    propensity,
    protocols,
    settings,
    single,
    tail,
    verdicts,
)
from lightxml_core.reporting.tables.results import Built, Results


@dataclass(frozen=True)
class Kind:
    """A kind of table: the name of its files, what it shows, and how it is built."""

    name: str
    caption: str
    build: Callable[[Results], Built]


KINDS = (
    Kind("main", "the ensemble or only model of each method, P@1, 3 and 5", main.build),
    Kind("single", "members of ensembles and other single models, P@1, 3 and 5", single.build),
    Kind("propensity", "the models of the main table, PSP@1, 3 and 5", propensity.build),
    Kind("ablations", "what each change to a method costs or gains", ablations.build),
    Kind("protocols", "methods that were run by both protocols", protocols.build),
    Kind("tail", "recall by label frequency, and label coverage", tail.build),
    Kind("comparison", "every reproduced figure beside the published ones, with sources", comparison.build),
    Kind("verdicts", "whether each published figure was reproduced", verdicts.build),
    Kind("datasets", "statistics of the datasets, computed and published", datasets.build),
    Kind("cost", "time, memory and size, measured and published", cost.build),
    Kind("settings", "what each member was set to", settings.build),
)
