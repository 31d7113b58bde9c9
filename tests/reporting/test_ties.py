"""Which figures are told apart, in bold, and how methods stand over datasets."""

from __future__ import annotations

import math
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel

from lightxml_core.evaluation.catalogue import HEADLINE
from lightxml_core.files import save_array, write_json
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.ranks import standings
from lightxml_core.reporting.runs import groups_of
from lightxml_core.reporting.tables import main
from lightxml_core.reporting.ties import are_equal, not_told_apart
from lightxml_core.selection import Selection
from tests.helpers.reporting import chosen, results


def kept(path: Path, values: np.ndarray, headline: float | None = None) -> str:
    """A run whose documents have these shares of every headline metric."""
    mean = 100 * float(values.mean()) if headline is None else headline
    groups = {"accuracy": dict.fromkeys(HEADLINE, mean), "standard_errors": dict.fromkeys(HEADLINE, 1.0)}
    write_json(path / "metrics.json", groups)
    save_array(path / "documents.npy", np.repeat(values.astype(np.float32)[:, None], len(HEADLINE), axis=1))
    return str(path)


def selected(root: Path, runs: dict[str, dict[str, list[np.ndarray]]], splits: int | None = None) -> Selection:
    """Runs by dataset and method, one per seed."""
    numbers = count()
    rows = [
        {"dataset": dataset, "method": method, "variant": "single", "seed": seed, "protocol": "clean",
         "path": kept(root / str(next(numbers)), values)}
        for dataset, methods in runs.items() for method, seeds in methods.items() for seed, values in enumerate(seeds)
    ]  # fmt: skip
    datasets: dict[str, Any] = {name: {"title": name, "stats": "stats.json", "splits": splits} for name in runs}
    methods = {name: {"title": name} for of in runs.values() for name in of}
    return chosen({"target": "t", "datasets": datasets, "methods": methods, "runs": rows})


def test_pairs_are_told_apart_as_by_a_paired_test(tmp_path: Path) -> None:
    """For many documents, 1.96 standard errors are a paired t test at 5%."""
    random, said = np.random.default_rng(0), set()
    for number in range(40):
        one = (random.random(400) < 0.6).astype(float)
        other = np.where(random.random(400) < 0.2, random.random(400) < 0.45, one).astype(float)
        selection = selected(tmp_path / str(number), {"d": {"a": [one], "b": [other]}})
        equal = are_equal(selection, *groups_of(selection), "P@1")
        said.add(equal)
        assert equal == (ttest_rel(one, other).pvalue > 2 * (1 - 0.5 * (1 + math.erf(1.96 / math.sqrt(2)))))
    assert said == {True, False}


def test_a_model_ties_with_itself_and_a_small_gain_everywhere_does_not(tmp_path: Path) -> None:
    own = np.random.default_rng(1).random(50)
    selection = selected(tmp_path, {"d": {"a": [own], "b": [own], "c": [own - 1e-4]}})
    assert not_told_apart(selection, groups_of(selection), "P@1") == [0, 1]


def test_seeds_and_splits_count(tmp_path: Path) -> None:
    """Seeds that disagree leave a difference open; splits are compared one by one."""
    a, b = [np.full(30, x) for x in (0.5, 0.7, 0.9)], [np.full(30, x) for x in (0.49, 0.69, 0.89)]
    seeds = selected(tmp_path / "seeds", {"d": {"a": a, "b": b}})
    splits = selected(tmp_path / "splits", {"d": {"a": a, "b": b}}, splits=3)
    assert not_told_apart(seeds, groups_of(seeds), "P@1") == [0, 1]
    assert not_told_apart(splits, groups_of(splits), "P@1") == [0]


def test_without_values_per_document_only_the_best_is_bold(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random(50)
    selection = selected(tmp_path, {"d": {"a": [values], "b": [values - 0.001]}})
    (tmp_path / "0/documents.npy").unlink()
    assert not_told_apart(selection, groups_of(selection), "P@1") == [0]


def test_the_main_table_prints_ties_in_bold(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    best, worst = random.random(200), random.random(200) * 0.5
    near = best + random.normal(0, 0.3, 200)
    selection = selected(tmp_path, {"d": {"a": [best], "b": [near - near.mean() + best.mean() - 0.001], "c": [worst]}})
    [table] = main.build(results(selection.to_json())).tables
    assert {row for row, column in table.strong if column == 3} == {0, 1}
    assert any(note.startswith("Bold:") for note in table.notes)


def test_bold_is_spelled_in_every_form_and_leaves_published_figures_alone() -> None:
    table = Table("t", ["m", "P@1"], [["a", "84.31 ± 0.21 [84.60†]"], ["*b", "1.00"]], "lr", strong=[[0, 1], [1, 0]])
    assert r"**84.31 ± 0.21** \\[84.60†\\]".replace("\\\\", "\\") in table.markdown() and r"**\*b**" in table.markdown()
    assert r"\textbf{84.31 $\pm$ 0.21} [84.60\textsuperscript{\dag}]" in table.latex()
    assert "<b>84.31 ± 0.21</b><span class=print>[84.60†]</span>" in table.html() and "<b>*b</b>" in table.html()


def test_ranks_and_wins_over_datasets_by_hand(tmp_path: Path) -> None:
    high, low = np.linspace(0.5, 1, 40), np.linspace(0, 0.4, 40)
    runs = {
        "one": {"a": [high], "b": [low], "c": [low]},
        "two": {"a": [low], "b": [high], "c": [low / 2]},
        "three": {"a": [high], "b": [low]},
    }
    found = standings(selected(tmp_path, runs))
    assert list(found.datasets) == ["one", "two"], "those on which all were run"
    by_name = {one.name: one for one in found.by_metric["P@1"]}
    assert {name: one.rank for name, one in by_name.items()} == {"a": 1.5, "b": 1.75, "c": 2.75}
    assert {name: (one.wins, one.ties, one.losses) for name, one in by_name.items()} == {
        "a": (3, 0, 1), "b": (2, 1, 1), "c": (0, 1, 3)
    }  # fmt: skip
    assert by_name["b"].win_rate == pytest.approx(100 * 2.5 / 4)


def test_one_dataset_has_no_ranks(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 9)
    assert standings(selected(tmp_path, {"d": {"a": [values], "b": [values]}})).by_metric == {}
