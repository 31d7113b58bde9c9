"""`python -m lightxml_core compare A B`: two runs, targets or archived methods, with intervals of their differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from lightxml_core.archive.store import read_archive
from lightxml_core.errors import InputError
from lightxml_core.evaluation.catalogue import HEADLINE
from lightxml_core.evaluation.paired import LEVEL, RESAMPLES, bootstrap_interval
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.numbers import MISSING, signed
from lightxml_core.reporting.runs import Result, groups_of
from lightxml_core.selection import Run, read_selection

Key = tuple[str, str, str]  # dataset, method, variant
_KINDS = (
    "the folder of a run (results/<dataset>/<method>/<member>/seed0), a target, or a folder of the archive "
    "(<dataset>/<method>/<member>)"
)


@dataclass(frozen=True)
class Side:
    """One of two methods: figures in percent by seed, and the values per document, float32[N], where they were kept.

    split: whether each seed has its own test documents.
    """

    figures: Mapping[int, Mapping[str, float]]
    documents: Mapping[int, Mapping[str, np.ndarray]]
    split: bool


@dataclass(frozen=True)
class Difference:
    """B minus A in points, over the seeds that both have.

    over_documents, over_seeds: bootstrap intervals; None where values per document were not kept, or for one seed.
    """

    metric: str
    one: float
    other: float
    seeds: int
    over_documents: tuple[float, float] | None
    over_seeds: tuple[float, float] | None


def compare(one: str, other: str, archive: Path) -> str:
    """The table of what two names stand for, as text.

    Single methods are compared whatever their names, if they are of one dataset. Of targets, what has the same name in
    both. InputError for a name that is nothing of the kind, or if nothing can be compared.
    """
    pairs = _pairs(find(one, archive), find(other, archive), f"{one} and {other}")
    rows = [_row(key, against, found) for key, against, a, b in pairs for found in differences(a, b)]
    headers = ["dataset", "A", "B", "metric", "A %", "B %", "B - A", "over documents", "over seeds", "seeds"]
    notes = [
        f"A: {one}. B: {other}. Intervals: {LEVEL:.0%}, percentile bootstrap of the paired differences, "
        f"{RESAMPLES:,} resamples, seed 0. Over documents: PSP is linearised.",
        f"{MISSING}: no values per document, or fewer than two seeds in common.",
    ]
    return _text(Table("", headers, rows, "llll" + "r" * 6, notes))


def find(name: str, archive: Path) -> dict[Key, Side]:
    """What a name stands for, by dataset, method and variant."""
    path = Path(name)
    if (path / "metrics.json").is_file():
        return _of_run(path)
    for folder in (path, Path("results/targets", name)):
        if (folder / "selection.json").is_file():
            return _of_target(folder)
    for folder in (path, archive / name):
        if next(folder.rglob("seed*.json"), None) if folder.is_dir() else None:
            return _of_archive(folder, archive)
    raise InputError(f"{name} is nothing to compare: name {_KINDS}")


def differences(one: Side, other: Side) -> Iterator[Difference]:
    """The difference of two sides at each headline metric that both have; none without seeds in common."""
    seeds = sorted(one.figures.keys() & other.figures.keys())
    for metric in HEADLINE:
        a, b = ([side.figures[seed].get(metric) for seed in seeds] for side in (one, other))
        own = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
        if own and len(own) == len(seeds):
            apart = np.array([y - x for x, y in own])
            yield Difference(
                *(metric, fmean(x for x, _ in own), fmean(y for _, y in own), len(seeds)),
                over_documents=_over_documents(one, other, metric, seeds),
                over_seeds=bootstrap_interval(apart),
            )


def _over_documents(one: Side, other: Side, metric: str, seeds: Sequence[int]) -> tuple[float, float] | None:
    """Of the mean over seeds per document, or of all documents of all splits."""
    found = []
    for seed in seeds:
        a, b = (side.documents.get(seed, {}).get(metric) for side in (one, other))
        if a is None or b is None:
            return None
        if len(a) != len(b):
            raise InputError(f"seed {seed}: {len(a):,} and {len(b):,} test documents: compare runs of the same corpus")
        found.append(np.asarray(b, np.float64) - a)
    joined = np.concatenate(found) if one.split or other.split else np.mean(found, axis=0)
    return bootstrap_interval(joined)


def _pairs(one: Mapping[Key, Side], other: Mapping[Key, Side], what: str) -> Iterator[tuple[Key, Key, Side, Side]]:
    if len(one) == len(other) == 1:
        [(key, a)], [(against, b)] = one.items(), other.items()
        if key[0] != against[0]:
            raise InputError(f"{what}: they are of the datasets {key[0]} and {against[0]}: compare runs of one dataset")
        if not a.figures.keys() & b.figures.keys():
            raise InputError(f"{what}: they have no seed in common")
        yield key, against, a, b
        return
    common = [key for key in one if key in other and one[key].figures.keys() & other[key].figures.keys()]
    if not common:
        raise InputError(f"{what}: no method of one dataset, with a seed, is in both")
    yield from ((key, key, one[key], other[key]) for key in common)


def _of_run(folder: Path) -> dict[Key, Side]:
    """A run by its folder; the dataset is the corpus's, or that of the split."""
    parts = folder.absolute().parts
    corpus, method, member, seed = parts[-4:]
    whole = parts[-5] if corpus.startswith("split") else corpus
    number = int(seed.removeprefix("seed")) if seed.removeprefix("seed").isdecimal() else 0
    run = Run(whole, method, member, number, folder, member)
    return {(whole, method, member): _side([Result(run)], whole != corpus)}


def _of_target(folder: Path) -> dict[Key, Side]:
    """A target; its files lie where the workflow ran, three folders above."""
    selection, root = read_selection(folder / "selection.json"), folder.absolute().parents[2]
    found = {}
    for group in groups_of(selection):
        runs = [Result(_below(root, result.run)) for result in group.results]
        split = bool(selection.datasets[group.dataset].splits)
        found[group.dataset, group.method, group.variant] = _side(runs, split)
    return found


def _below(root: Path, run: Run) -> Run:
    return Run(run.dataset, run.method, run.variant, run.seed, root / run.path, run.member)


def _side(results: Sequence[Result], split: bool) -> Side:
    figures = {result.run.seed: result.metrics for result in results}
    return Side(figures, {result.run.seed: result.documents for result in results}, split)


def _of_archive(folder: Path, archive: Path) -> dict[Key, Side]:
    gathered: dict[Key, dict[int, dict[str, float]]] = {}
    for place, entry in read_archive(archive).items():
        if (archive / place).absolute().is_relative_to(folder.absolute()):
            key = (entry.dataset, entry.method, entry.variant)
            figures = {name: figure.value for name, figure in entry.metrics.items()}
            gathered.setdefault(key, {})[entry.seed] = figures
    return {key: Side(seeds, {}, split=False) for key, seeds in gathered.items()}


def _row(key: Key, against: Key, found: Difference) -> list[str]:
    names = [key[0], "/".join(key[1:]), "/".join(against[1:])]
    numbers = [f"{found.one:.2f}", f"{found.other:.2f}", signed(found.other - found.one)]
    return [*names, found.metric, *numbers, *map(_spelled, (found.over_documents, found.over_seeds)), str(found.seeds)]


def _spelled(interval: tuple[float, float] | None) -> str:
    return MISSING if interval is None else f"{signed(interval[0])} to {signed(interval[1])}"


def _text(table: Table) -> str:
    """A table as lines of text, and its notes."""
    lines = [table.headers, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        "  ".join(
            cell.ljust(wide) if side == "l" else cell.rjust(wide)
            for cell, wide, side in zip(line, widths, table.align, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([*aligned, "", *table.notes])
