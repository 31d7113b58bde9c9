"""Tables with a row per model, one table per dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.numbers import MISSING
from lightxml_core.reporting.runs import Group, Result
from lightxml_core.reporting.splits import splits_notes
from lightxml_core.reporting.tables.pivot import NAMES
from lightxml_core.reporting.tables.results import Built, Results, as_read
from lightxml_core.reporting.titles import title_of
from lightxml_core.selection import Selection


def by_dataset(
    results: Results,
    title: str,
    columns: Sequence[str],
    has: Callable[[Result], object],
    cells: Callable[[Group], Iterable[str]],
    notes: Sequence[str],
    empty: str,
) -> Built:
    """A table per dataset with the groups of which some run `has` what is shown.

    cells: of a group, one per column. empty: what the only table says if there is no such group.
    """
    selection, tables = results.selection, []
    groups = [group for group in results.groups if any(map(has, group.results))]
    headers, align = [*NAMES, *columns], "l" * len(NAMES) + "r" * len(columns)
    for name in selection.datasets:
        body = [[*_names(selection, group), *cells(group)] for group in groups if group.dataset == name]
        if body:
            heading = f"{title}: {title_of(selection.datasets, name)}"
            tables.append(Table(heading, headers, body, align, [*notes, *splits_notes(selection, [name])]))
    return as_read(tables or [Table(title, [], [], "", [empty])])


def _names(selection: Selection, group: Group) -> list[str]:
    return [title_of(selection.methods, group.method), group.variant, group.protocol or MISSING]
