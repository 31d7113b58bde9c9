"""What a blend combines: the weight of each member, and how good it is on the documents that chose the weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

from lightxml_core.files import unchanged
from lightxml_core.methods.blend.model import Blend, BlendedMember, read_blend
from lightxml_core.reporting.markup import NOTHING, Table
from lightxml_core.reporting.runs import Group
from lightxml_core.reporting.tables.results import Built, Results
from lightxml_core.reporting.titles import title_of

_METRICS = ("P@1", "P@3", "P@5")
_NAMES = ["dataset", "method", "variant", "seed", "member"]
COLUMNS = [*_NAMES, "weight", "slope", "offset", "input", "documents", *_METRICS]
_BLEND = "blend"
_NOTES = (
    "P@k on the validation documents, in percent, means over the seeds. These documents chose calibration and weights, "
    "so the figures of the blend are optimistic. The other tables have those on the test documents.",
    "Here each member was trained without the validation documents. What predicts the test documents was trained on "
    "all training documents, unless its method leaves the validation documents out anyway.",
    f"{NOTHING}: a member without weight, which did not help.",
)


@dataclass(frozen=True)
class _Fitted:
    """The blends of a group, one per seed."""

    group: Group
    blends: list[Blend]


def build(results: Results) -> Built:
    """The .csv has one row per blend, seed and member, and one for the blend itself.

    The probability of a score is 1 / (1 + exp(-(slope·x + offset))); `input` says whether x is the score or its logit.
    """
    found = [one for group in results.groups if (one := _fitted(group)).blends]
    return Built([_table(results, found)], COLUMNS, [row for one in found for row in _rows(one)])


def _fitted(group: Group) -> _Fitted:
    folders = [result.run.path / "model" for result in group.results if result.run.blended]
    return _Fitted(group, [read_blend(unchanged(folder)) for folder in folders])


def _rows(fitted: _Fitted) -> Iterator[list[object]]:
    group = fitted.group
    for blend in fitted.blends:
        names = [group.dataset, group.method, group.variant, blend.seed]
        for member in blend.members:
            how = member.calibration
            values = [member.weight, how.slope, how.offset, "logit" if how.logit else "score"]
            yield [*names, member.name, *values, blend.documents, *(member.validation[name] for name in _METRICS)]
        yield [*names, _BLEND, 1.0, NOTHING, NOTHING, NOTHING, blend.documents, *map(blend.validation.get, _METRICS)]


def _table(results: Results, found: list[_Fitted]) -> Table:
    """One row per member, and one per blend."""
    if not found:
        return Table("Blends", [], [], "", ["No method of this target is a blend."])
    body, selection = [], results.selection
    for one in found:
        names = [title_of(selection.datasets, one.group.dataset), title_of(selection.methods, one.group.method)]
        for place, member in enumerate(one.blends[0].members):
            body.append([*names, member.name, *_cells([blend.members[place] for blend in one.blends])])
        body.append([*names, _BLEND, "1.00", *_means(one.blends)])
    return Table("Blends", ["dataset", "method", "member", "weight", *_METRICS], body, "lllrrrr", _NOTES)


def _cells(members: list[BlendedMember]) -> list[str]:
    weight = fmean(member.weight for member in members)
    return [f"{weight:.2f}" if weight else NOTHING, *_means(members)]


def _means(of: list[BlendedMember] | list[Blend]) -> list[str]:
    return [f"{fmean(one.validation[name] for one in of):.2f}" for name in _METRICS]
