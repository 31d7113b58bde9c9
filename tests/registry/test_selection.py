"""The file between the registry and the reporting: it is read as written, and damage is reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightxml_core.errors import InputError
from lightxml_core.files import seal, write_json
from lightxml_core.registry import load_registry, read_config
from lightxml_core.selection import Selection, read_selection
from tests.helpers.project import ROOT


def test_the_selection_of_every_target_is_read_as_written() -> None:
    registry = load_registry(ROOT, read_config(ROOT / "config.yaml"))
    for target in registry.targets:
        selection = registry.selection(target)
        assert Selection.from_json(json.loads(json.dumps(selection.to_json()))) == selection
    cut, whole = registry.selection("demo").datasets["hpo-5k-small"], registry.datasets["hpo-5k"]
    assert cut.licence == whole.licence, "a part of a dataset has its licence"


RUN: dict[str, Any] = {
    **{"dataset": "toy", "method": "knn", "variant": "single", "member": "single", "seed": 0, "path": "results/toy"},
    "features": {"folder": "results/toy/features/tfidf", "use": "documents"},
}
WHOLE: dict[str, Any] = {
    "target": "toy",
    "datasets": {"toy": {"stats": "results/toy/corpus/stats.json"}},
    "methods": {"knn": {"differs": [{"what": "fewer neighbours", "datasets": ["toy"]}]}},
    "runs": [RUN],
}


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda whole: [whole], "no target"),
        (lambda whole: whole | {"runs": {}}, "no runs"),
        (
            lambda whole: whole | {"datasets": {"toy": {}}},
            r"incomplete description of the dataset toy \('stats'\)",
        ),
        (lambda whole: whole | {"methods": {"knn": {"titel": "k"}}}, "description of the method knn .*'titel'"),
        (lambda whole: whole | {"methods": {"knn": {"differs": ["k"]}}}, "incomplete description of the method knn"),
        (lambda whole: whole | {"methods": {}}, "runs the method knn but does not describe it under methods"),
        (lambda whole: whole | {"runs": [{}]}, "incomplete run .*'seed'"),
        (lambda whole: whole | {"runs": [RUN | {"seed": "x"}]}, "incomplete run .*'x'"),
        (
            lambda whole: whole | {"runs": [RUN | {"features": {"folder": "f", "use": "all"}}]},
            "'all', not for documents",
        ),
        (lambda whole: whole | {"runs": [RUN, RUN]}, "lists toy/knn/single seed 0 twice"),
    ],
)
def test_a_damaged_selection_is_named(damage: Callable[[Any], Any], complaint: str, tmp_path: Path) -> None:
    write_json(tmp_path / "selection.json", damage(WHOLE))
    seal(tmp_path / "selection.json")
    with pytest.raises(InputError, match=rf"selection\.json: the selection .*{complaint}"):
        read_selection(tmp_path / "selection.json")


def test_an_intact_selection_is_read() -> None:
    selection = Selection.from_json(WHOLE)
    (run,), (difference,) = selection.runs, selection.methods["knn"].differs
    assert run.features is not None and run.features.folder == Path("results/toy/features/tfidf")
    assert difference.concerns("toy") and not difference.concerns("other")
