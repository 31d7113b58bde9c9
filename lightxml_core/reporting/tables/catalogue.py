"""Every kind of table, in the order of the report. A new one is a module with `build` and a line here.

Imports nothing heavy: the workflow reads the names and captions; the module of a table is imported when it is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from lightxml_core.reporting.tables.results import Built, Results


@dataclass(frozen=True)
class Kind:
    """A kind of table: the name of its module and of its files, and what it shows."""

    name: str
    caption: str

    @property
    def module(self) -> Path:
        """The file that builds it."""
        return Path(__file__).with_name(f"{self.name}.py")

    def build(self, results: Results) -> Built:
        """Build it with the function `build` of its module."""
        return cast(Built, import_module(f"{__package__}.{self.name}").build(results))


KINDS = (
    Kind("main", "the ensemble or only model of each method, P@1, 3 and 5"),
    Kind("single", "members of ensembles and other single models, P@1, 3 and 5"),
    Kind("propensity", "the models of the main table, PSP@1, 3 and 5"),
    Kind("ranks", "mean ranks and win rates over the datasets"),
    Kind("ablations", "what each change to a method costs or gains"),
    Kind("protocols", "methods that were run by both protocols"),
    Kind("tail", "recall by label frequency, and label coverage"),
    Kind("calibration", "how far scores are from probabilities"),
    Kind("further", "the metrics that no other table shows, at 5"),
    Kind("comparison", "every reproduced figure beside the published ones, with sources"),
    Kind("verdicts", "whether each published figure was reproduced"),
    Kind("archived", "whether each figure is as in the archive of our runs"),
    Kind("datasets", "statistics of the datasets, computed and published"),
    Kind("cost", "time, memory and size, measured and published"),
    Kind("blends", "the weight of each member of a blend, and P@k on the validation documents"),
    Kind("settings", "what each member was set to"),
)
