"""A run beside its archived entry: the same, within noise, off, or of other settings."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lightxml_core.archive.entry import Archive, Entry, Figure
from lightxml_core.archive.store import archive_target, read_archive
from lightxml_core.archive.verdict import Outcome, judge
from lightxml_core.evaluation.catalogue import HEADLINE
from lightxml_core.files import read_json, write_json
from lightxml_core.reporting.runs import groups_of
from lightxml_core.reporting.tables import Results, write_tables
from lightxml_core.reporting.terminal import archive_line
from lightxml_core.selection import Selection
from tests.helpers.archive import finished


@pytest.fixture
def runs(tmp_path: Path) -> Selection:
    return finished(tmp_path / "runs", {"deep": ["a", "b", "ensemble"], "linear": ["single"]})


@pytest.fixture
def archive(runs: Selection, tmp_path: Path) -> Archive:
    archive_target(runs, tmp_path / "archive", unfinished=False)
    return read_archive(tmp_path / "archive")


def moved(archive: Archive, points: float, method: str = "linear") -> dict[Path, Entry]:
    """The archive with P@1 of a method moved."""
    found = {}
    for place, entry in archive.items():
        figure = entry.metrics["P@1"]
        by = points if entry.method == method else 0.0
        metrics = {**entry.metrics, "P@1": Figure(value=figure.value + by, error=figure.error)}
        found[place] = replace(entry, metrics=metrics)
    return found


def outcomes(runs: Selection, archive: Archive) -> dict[tuple[str, str], Outcome]:
    found = judge(runs, groups_of(runs), archive)
    return {(f"{one.group.method}/{one.group.variant}", one.metric): one.outcome for one in found}


def line(runs: Selection, archive: Archive, folder: Path) -> str:
    write_tables(Results(runs, [], {}, archive), folder / "tables", folder / "tables.json")
    return archive_line(folder / "tables/archived.csv")


def test_a_target_is_as_its_own_archive(runs: Selection, archive: Archive, tmp_path: Path) -> None:
    found = outcomes(runs, archive)
    assert set(found.values()) == {Outcome.EQUAL} and len(found) == 4 * len(HEADLINE)
    assert line(runs, archive, tmp_path).startswith("24 of 24 figures as archived; largest difference 0.00 P@1")


@pytest.mark.parametrize(("errors", "outcome"), [(1.9, Outcome.NOISE), (-1.9, Outcome.NOISE), (2.1, Outcome.OFF)])
def test_two_standard_errors_are_noise(
    runs: Selection, archive: Archive, tmp_path: Path, errors: float, outcome: Outcome
) -> None:
    error = archive[Path("one/linear/single/seed0.json")].metrics["P@1"].error
    assert error
    found = outcomes(runs, moved(archive, errors * error))
    assert found.pop(("linear/single", "P@1")) == outcome
    assert set(found.values()) == {Outcome.EQUAL}
    kept = 24 if outcome == Outcome.NOISE else 23
    said = f"{kept} of 24 figures as archived; largest difference {abs(errors) * error:.2f} P@1 (linear on one)"
    assert line(runs, moved(archive, errors * error), tmp_path) == said


def test_several_seeds_add_their_spread(runs: Selection, archive: Archive) -> None:
    """By hand: two standard errors, joined of the documents' and that of the difference of two means."""
    place = Path("one/linear/single/seed0.json")
    values, error = [40.0, 44.0, 45.0], 3.0
    own = next(run for run in runs.runs if run.method == "linear")
    several = replace(runs, runs=tuple(replace(own, seed=seed) for seed in range(3)))
    metrics = [{"P@1": Figure(value=value, error=error)} for value in values]
    entries = [replace(archive[place], seed=seed, metrics=metrics[seed]) for seed in range(3)]
    [judged] = judge(several, groups_of(several), {entry.place: entry for entry in entries})
    assert judged.archived == pytest.approx(43) and judged.seeds == 3
    assert judged.noise == pytest.approx(2 * math.sqrt(error**2 + 2 * np.var(values, ddof=1) / 3))
    datasets = {"one": replace(runs.datasets["one"], splits=3)}
    [split] = judge(replace(several, datasets=datasets), groups_of(several), {e.place: e for e in entries})
    spread = np.var(values, ddof=1) / 3  # the run here is the same in all three, so differences vary as the archive
    assert split.noise == pytest.approx(2 * math.sqrt(error**2 / 3 + spread))


def test_other_settings_are_not_compared(runs: Selection, archive: Archive, tmp_path: Path) -> None:
    """Those of a member change its ensemble too."""
    provenance = runs.runs[0].path / "provenance.json"
    about = read_json(provenance)
    write_json(provenance, {**about, "settings": {**about["settings"], "lr": 9.0, "seed": 5}})
    found = outcomes(runs, moved(archive, 50.0, "deep"))
    other = {name for (name, _), outcome in found.items() if outcome == Outcome.NOT_COMPARED}
    assert other == {"deep/a", "deep/ensemble"}
    assert line(runs, archive, tmp_path).endswith("; 12 not compared, because their settings differ")
    write_json(provenance, {**about, "settings": {**about["settings"], "seed": 5}})
    assert set(outcomes(runs, archive).values()) == {Outcome.EQUAL}, "a seed is no setting"


def test_a_target_without_archived_runs_says_so(runs: Selection, tmp_path: Path) -> None:
    assert line(runs, {}, tmp_path) == "archived figures: none of this target"
    assert "The archive has no runs of this target" in (tmp_path / "tables/archived.md").read_text("utf-8")


def test_changed_code_and_packages_are_named(runs: Selection, archive: Archive, tmp_path: Path) -> None:
    entry = archive[Path("one/linear/single/seed0.json")]
    code = replace(entry.code, digest="0" * 64, implementations=("omikuji_trees",))
    old = replace(entry, code=code, packages={"numpy": "1.0"})
    assert line(runs, {old.place: old}, tmp_path).endswith("0.00 P@1 (linear on one; omikuji has no seed)")
    with (tmp_path / "tables/archived.csv").open(encoding="utf-8", newline="") as opened:
        assert {row["changed"] for row in csv.DictReader(opened)} == {"code, packages"}
