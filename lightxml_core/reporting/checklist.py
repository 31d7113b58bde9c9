"""The reproducibility checklist of a target: each usual question with its answer and the files that show it.

The questions are those that the checklists of machine-learning conferences share (Pineau et al., JMLR 2021, and the
NeurIPS checklist). Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightxml_core.files import write_text
from lightxml_core.reporting.costs import machine
from lightxml_core.reporting.markup import markdown_escape
from lightxml_core.reporting.numbers import duration
from lightxml_core.reporting.runs import Result
from lightxml_core.reporting.titles import titles_of
from lightxml_core.selection import Selection

NAME, NOT_DONE = "reproducibility.md", "not done"
_HEAD = """# Reproducibility of target {target}

Each line of the usual checklists, with the files of this folder that show it, or `{not_done}`.

| question | answer | where |
|---|---|---|
"""


@dataclass(frozen=True)
class Line:
    """A question, its answer, and files below the target's folder that show it."""

    question: str
    answer: str
    files: Sequence[str] = ()


@dataclass(frozen=True)
class Effort:
    """Sums over the distinct trainings of a target, those that blends need included.

    cpu_seconds: over those that recorded it, whose number is `with_cpu`. gpu_seconds: wall time of trainings on a GPU,
    which may have shared it. resumed: trainings that were stopped and resumed; their times miss the earlier part.
    failed: attempts at these trainings that failed or were stopped. `counted` trainings recorded their attempts.
    """

    trainings: int
    wall_seconds: float
    cpu_seconds: float
    with_cpu: int
    gpu_seconds: float
    resumed: int
    failed: int
    counted: int


def write_checklist(selection: Selection, folder: Path) -> None:
    """Write `reproducibility.md` into the folder of a target, which holds its results."""
    rows = "".join(_row(line) for line in lines(selection, [Result(run) for run in selection.runs]))
    head = _HEAD.format(target=markdown_escape(selection.target), not_done=NOT_DONE)
    write_text(folder / NAME, head + rows)


def lines(selection: Selection, results: Sequence[Result]) -> list[Line]:
    """Every line of the checklist, in its order."""
    trainings = _trainings(results)
    effort = effort_of(trainings)
    return [
        *_about_code(selection, trainings),
        *_about_data(selection),
        *_about_effort(trainings, effort),
        *_about_choices(selection),
        *_about_runs(selection, results, effort),
    ]


def effort_of(trainings: Iterable[dict[str, Any]]) -> Effort:
    """The sums over the provenance of trainings."""
    found = list(trainings)
    wall = [float(about.get("wall_seconds") or 0) for about in found]
    cpu = [float(about["cpu_seconds"]) for about in found if about.get("cpu_seconds") is not None]
    on_gpu = (seconds for about, seconds in zip(found, wall, strict=True) if (about.get("hardware") or {}).get("gpu"))
    resumed = sum(bool(about.get("resumed")) for about in found)
    attempts = [int(about["attempts"]) for about in found if about.get("attempts")]
    failed, counted = sum(attempts) - len(attempts), len(attempts)
    return Effort(len(found), sum(wall), sum(cpu), len(cpu), sum(on_gpu), resumed, failed, counted)


def _trainings(results: Iterable[Result]) -> list[dict[str, Any]]:
    """The provenance of every training, each once: several blends may share a member."""
    found = (about for result in results for about in result.trainings if about)
    return [
        *{
            (about.get("started"), repr(about.get("settings")), repr(about.get("data"))): about for about in found
        }.values()
    ]


def _about_code(selection: Selection, trainings: Sequence[dict[str, Any]]) -> list[Line]:
    commits = _each(str(about["git_commit"]) for about in trainings if about.get("git_commit"))
    implemented = _each(entry.implementation for entry in selection.methods.values() if entry.implementation)
    return [
        Line("source code", f"commit {commits}" if commits else NOT_DONE, ["Snakefile", "ro-crate-metadata.json"]),
        Line("algorithms", f"lightxml_core/methods: {implemented}" if implemented else NOT_DONE, ["report.html"]),
        Line("versions of packages", "as installed for each training", ["ro-crate-metadata.json"]),
        Line("command", f"snakemake --cores all {selection.target}", ["ro-crate-metadata.json"]),
    ]


def _about_data(selection: Selection) -> list[Line]:
    titles = titles_of(selection.datasets)
    cuts = [f"{titles[name]} is a part of {entry.cut}" for name, entry in selection.datasets.items() if entry.cut]
    split = [titles[name] for name, entry in selection.datasets.items() if entry.splits]
    parts = f"several splits: {', '.join(split)}; others fixed" if split else "fixed parts"
    return [
        Line("data and their statistics", ", ".join(titles.values()), ["tables/datasets.md"]),
        Line("links to the data, checksums and licences", "the files of each corpus", ["croissant/"]),
        Line(
            "exclusions", "; ".join(cuts) or "no documents beyond what the corpus's file states", ["tables/datasets.md"]
        ),
        Line("training and test documents", parts, ["tables/datasets.md"]),
        Line("consent, personal data", NOT_DONE),
    ]


def _about_effort(trainings: Sequence[dict[str, Any]], effort: Effort) -> list[Line]:
    machines = _each(_machine(about.get("hardware") or {}) for about in trainings)
    recorded = f"{effort.with_cpu} of {effort.trainings} trainings that recorded them"
    cpu = f"{effort.cpu_seconds / 3600:.2f} CPU hours in {recorded}"
    hours = f"{cpu}; {effort.gpu_seconds / 3600:.2f} GPU hours"
    missing = "; times of resumed trainings miss the earlier part" if effort.resumed else ""
    return [
        Line("infrastructure", machines or NOT_DONE, ["tables/cost.md", "report.html"]),
        Line("time of each training and prediction", "measured", ["tables/cost.md"]),
        Line("time in sum", f"{duration(effort.wall_seconds)} of training, {hours}{missing}", ["tables/cost.md"]),
        Line("memory and size of the models", "measured", ["tables/cost.md"]),
        Line("energy, carbon", NOT_DONE),
    ]


def _about_choices(selection: Selection) -> list[Line]:
    protocols = _each(run.protocol or "" for run in selection.runs)
    on_test = " (official: may select on the test documents)" if "official" in protocols else ""
    varied = any(entry.base for entry in selection.methods.values())
    search = Line("search bounds", "those of the variants", ["tables/ablations.md"])
    return [
        Line("parameters", "every setting, defaults included", ["report.html", "tables/settings.md"]),
        search if varied else Line("search bounds", f"{NOT_DONE}: each method has fixed settings"),
        Line("selection", f"protocol {protocols}{on_test}" if protocols else NOT_DONE, ["tables/main.md", "cards/"]),
        Line("validation scores", "beside the test scores, if a training has any", ["cards/", "report.html"]),
    ]


def _about_runs(selection: Selection, results: Sequence[Result], effort: Effort) -> list[Line]:
    seeds: dict[tuple[str, str, str], int] = {}
    for result in results:
        key = (result.run.dataset, result.run.method, result.run.variant)
        seeds[key] = seeds.get(key, 0) + 1
    counts = " to ".join(map(str, sorted({min(seeds.values(), default=0), max(seeds.values(), default=0)})))
    several = any(number > 1 for number in seeds.values())
    runs = f"{len(results)} runs, {effort.trainings} trainings, of which {effort.resumed} were stopped and resumed"
    ranked = ["tables/ranks.md"] if len(selection.datasets) > 1 else []
    return [
        Line("runs counted", runs, ["report.html"]),
        Line("runs that failed", _failed(effort), ["report.html"] if effort.counted else []),
        Line(
            "variance over seeds",
            f"{counts} per method" if several else f"{NOT_DONE}: one seed",
            ["tables/comparison.md"],
        ),
        Line("variance over test documents", "standard errors", ["cards/"]),
        Line("tests of differences", "paired, over test documents, against the best", ["tables/main.md", *ranked]),
        Line("definitions of the metrics", "docs/results.md of the project", ["tables/further.md"]),
        Line("comparison with published figures", "a verdict on each", ["tables/verdicts.md"]),
        Line("comparison with earlier runs", "a verdict on each archived figure", ["tables/archived.md"]),
        Line("trained models", "a card of each, with its limits", ["cards/"]),
    ]


def _failed(effort: Effort) -> str:
    if not effort.counted:
        return f"{NOT_DONE}: no training recorded its attempts"
    known = f"{effort.counted} of {effort.trainings} trainings that recorded them"
    return f"{effort.failed} attempts failed or were stopped before the one that finished, in {known}"


def _machine(hardware: dict[str, Any]) -> str:
    memory = [f"{hardware['memory_gib']} GiB"] if hardware.get("memory_gib") else []
    return ", ".join([*machine(hardware), *memory])


def _each(words: Iterable[str]) -> str:
    """The words, each once, without empty ones."""
    return "; ".join(dict.fromkeys(filter(None, words)))


def _row(line: Line) -> str:
    links = ", ".join(f"[{name}]({name})" for name in line.files)
    return f"| {line.question} | {markdown_escape(line.answer)} | {links} |\n"
