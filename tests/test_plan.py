"""The plan of a target: sizes against a count by hand, and what no machine can run is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lightxml_core.plan import Machine, estimates, refusal, spelled
from lightxml_core.registry import Registry, load_registry, read_config
from tests.project import ROOT

GPU = Machine(gpus=1, cores=8, memory=16 * 2**30, disk=200 * 2**30, teraflops=50.0)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(ROOT, read_config(ROOT / "config.yaml"))


def test_a_large_model_has_the_size_and_the_passes_of_the_paper(registry: Registry) -> None:
    (one,) = [e for e in estimates(registry, "amazon-670k", ROOT, GPU) if e.method == "lightxml"]
    assert (one.models, one.printed_hours) == (3, pytest.approx(86.2, rel=1))
    weights = 12 * 12 * 768**2 + 30522 * 768 + 670091 * 400 + 400 * 3841 + 8192 * 3841
    activations = 12 * 128 * 16 * 768 * (34 + 5 * 128 / 64)
    assert one.memory == pytest.approx(16 * weights + activations, rel=0.02)
    # two operations a weight and token, attention besides; a backward pass counts as two forward ones
    forward = 2 * 12 * 12 * 768**2 * 128 + 12 * 4 * 768 * 128**2
    passes = 3 * 490449 * 3 * forward
    settings: list[Any] = [registry.made("lightxml", "amazon-670k", f"tree{i}") for i in range(3)]
    epochs = {setting.epochs + setting.extra_epochs for setting in settings}
    assert one.hours == pytest.approx(passes * epochs.pop() / 50e12 / 3600, rel=0.01)


def test_every_target_is_planned_and_what_does_not_fit_is_said(registry: Registry) -> None:
    small = Machine(gpus=0, cores=2, memory=8 * 2**30, disk=50 * 2**30, teraflops=0.2)
    for target in registry.targets:
        for one in estimates(registry, target, ROOT, small):
            assert one.models >= 1 and all(value is None or value > 0 for value in (one.hours, one.memory, one.disk))
    by_name = {(e.dataset, e.method): e for e in estimates(registry, "all", ROOT, small)}
    assert refusal(by_name["eurlex-4k", "parabel"], small) == ""
    assert refusal(by_name["wiki-500k", "xtransformer"], small) == "too long, memory, disk"
    assert refusal(by_name["eurlex-4k", "lightxml"], small) == "too long"
    assert all(
        refusal(one, GPU) == "" for one in estimates(registry, "eurlex-4k", ROOT, GPU) if one.method == "lightxml"
    )


def test_the_table_has_a_row_a_dataset_and_method(registry: Registry, tmp_path: Path) -> None:
    lines = spelled(registry, "eurlex-4k-small", ROOT, GPU).split("\n")
    assert [line.split()[:2] for line in lines[1:3]] == [
        ["eurlex-4k-small", "lightxml-fast"],
        ["eurlex-4k-small", "parabel"],
    ]
    assert "hours in all" in "\n".join(lines)
