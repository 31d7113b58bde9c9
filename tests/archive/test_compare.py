"""Two runs, targets or archived methods side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import bootstrap

from lightxml_core.archive.compare import Side, compare, differences, find
from lightxml_core.archive.store import archive_target
from lightxml_core.errors import InputError
from lightxml_core.evaluation.catalogue import HEADLINE
from lightxml_core.files import write_json
from lightxml_core.reporting.runs import Result
from lightxml_core.selection import Selection
from tests.helpers.archive import finished


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a run of the workflow, as it lies in the results, with an archive."""
    root = tmp_path_factory.mktemp("compare")
    runs = finished(root / "results", {"deep": ["a"], "linear": ["single"]}, documents=150)
    relative = tuple(replace(run, path=run.path.relative_to(root)) for run in runs.runs)
    write_json(root / "results/targets/t/selection.json", replace(runs, runs=relative).to_json())
    archive_target(runs, root / "archive", unfinished=False)
    return root


def side(root: Path, name: str) -> Side:
    [found] = find(str(root / name), root / "archive").values()
    return found


def test_a_run_compared_with_itself_differs_by_nothing(root: Path) -> None:
    own = side(root, "results/one/deep/a/seed0")
    found = list(differences(own, own))
    assert [one.metric for one in found] == list(HEADLINE)
    assert all(one.one == one.other and one.over_documents == (0, 0) and one.over_seeds is None for one in found)


def test_the_interval_over_documents_agrees_with_scipy(root: Path) -> None:
    names = ("results/one/deep/a/seed0", "results/one/linear/single/seed0")
    one, other = (side(root, name) for name in names)
    a, b = (found.documents[0]["P@3"] for found in (one, other))
    expected = bootstrap(
        (b.astype(np.float64) - a,), np.mean, method="percentile", n_resamples=2000, rng=np.random.default_rng(2)
    )
    [found] = [found for found in differences(one, other) if found.metric == "P@3"]
    assert found.over_documents == pytest.approx(
        tuple(expected.confidence_interval), abs=0.25 * expected.standard_error
    )
    assert found.over_documents and found.over_documents[0] < found.other - found.one < found.over_documents[1]


def test_targets_and_archived_methods_are_compared_by_name(root: Path) -> None:
    text = compare(str(root / "results/targets/t"), str(root / "archive"), root / "archive")
    rows = [line.split() for line in text.splitlines()[1:13]]
    assert {row[1] for row in rows} == {"deep/a", "linear/single"} and {row[6] for row in rows} == {"+0.00"}
    assert "n/a" in text, "the archive keeps no values per document"


def test_seeds_give_an_interval_of_their_own(root: Path) -> None:
    own = side(root, "results/one/deep/a/seed0")
    three = replace(own, figures={seed: {"P@1": 50.0 + seed} for seed in range(3)}, documents={})
    other = replace(own, figures={seed: {"P@1": 51.0 + 2 * seed} for seed in (0, 1, 2, 7)}, documents={})
    [found] = differences(three, other)
    assert (found.seeds, found.other - found.one) == (3, 2.0)
    assert found.over_seeds == (1.0, 3.0), "27 resamples of the differences 1, 2 and 3"
    assert found.over_documents is None


def test_what_cannot_be_compared_is_refused(root: Path, tmp_path: Path) -> None:
    run = str(root / "results/one/deep/a/seed0")
    with pytest.raises(InputError, match="nothing is nothing to compare: name the folder of a run"):
        compare(run, "nothing", root / "archive")
    (tmp_path / "two/deep/a").mkdir(parents=True)
    (tmp_path / "two/deep/a/seed0").symlink_to(run)
    with pytest.raises(InputError, match="the datasets one and two: compare runs of one dataset"):
        compare(run, str(tmp_path / "two/deep/a/seed0"), root / "archive")


def test_a_document_contributes_what_the_run_says(root: Path) -> None:
    result: Result
    selection: Selection = finished(root / "again", {"deep": ["a"]}, documents=60)
    result = Result(selection.runs[0])
    assert {name: values.mean() for name, values in result.documents.items()} == pytest.approx(
        {name: result.metrics[name] for name in result.standard_errors}, rel=1e-5
    )
