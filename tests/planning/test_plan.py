"""The plan of a target: sizes agree with hand counts, and the plan says what does not fit."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightxml_core.__main__ import main
from lightxml_core.definitions.config import Target
from lightxml_core.errors import InputError
from lightxml_core.methods import BaseSettings
from lightxml_core.methods.load import Load, Shape
from lightxml_core.planning.plan import Estimate, Machine, estimates, plan_table, refusal
from lightxml_core.planning.workload import (
    STAGES,
    UNKNOWN,
    UNKNOWN_TRAINING,
    downloads,
    hours_by_words,
    load_of,
    prediction_request,
    read_published,
    request,
    shape_of,
    stage_cost,
    training_request,
)
from lightxml_core.registry import Registry, load_registry, read_config
from tests.helpers.project import ROOT

GPU = Machine(gpus=1, cores=8, gpu_memory=16 * 2**30, memory=64 * 2**30, disk=200 * 2**30, teraflops=50.0)
LAPTOP = Machine(gpus=0, cores=2, gpu_memory=8 * 2**30, memory=8 * 2**30, disk=50 * 2**30, teraflops=0.2)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(ROOT, read_config(ROOT / "config.yaml"))


def test_a_large_model_has_the_papers_size_and_number_of_passes(registry: Registry) -> None:
    (one,) = [e for e in estimates(registry, "amazon-670k", ROOT, GPU) if e.method == "lightxml"]
    assert (one.models, one.published_hours) == (3, pytest.approx(86.2, rel=1))
    weights = 12 * 12 * 768**2 + 30522 * 768 + 670091 * 400 + 400 * 3841 + 8192 * 3841
    activations = 12 * 128 * 16 * 768 * (34 + 5 * 128 / 64)
    assert one.memory == pytest.approx(16 * weights + activations, rel=0.02)
    # two operations per weight and token, plus attention; a backward pass counts as two forward passes
    forward = 2 * 12 * 12 * 768**2 * 128 + 12 * 4 * 768 * 128**2
    passes = 3 * 490449 * 3 * forward
    settings: list[Any] = [registry.made("lightxml", "amazon-670k", f"tree{i}") for i in range(3)]
    epochs = {setting.training.epochs + setting.selection.extra_epochs for setting in settings}
    assert one.gpu_hours == pytest.approx(passes * epochs.pop() / 50e12 / 3600, rel=0.01)


def test_estimated_hours_are_within_a_factor_of_three_of_published_ones(registry: Registry) -> None:
    for one in estimates(registry, "all", ROOT, LAPTOP):
        if one.method in ("lightxml", "xtransformer"):
            assert one.gpu_hours and one.published_hours
            assert 1 / 3 < one.gpu_hours / one.published_hours < 3, (one.dataset, one.method)
            assert one.hours == pytest.approx(one.gpu_hours * 9.0 / 0.2)


def test_every_target_has_a_plan_that_says_what_does_not_fit(registry: Registry) -> None:
    for target in registry.targets:
        for one in estimates(registry, target, ROOT, LAPTOP):
            assert one.models >= 1 and all(value is None or value > 0 for value in (one.hours, one.memory, one.disk))
    by_name = {(e.dataset, e.method): e for e in estimates(registry, "all", ROOT, LAPTOP)}
    assert refusal(by_name["eurlex-4k", "parabel"], LAPTOP) == ""
    assert refusal(by_name["wiki-500k", "xtransformer"], LAPTOP) == "too long, memory, disk"
    assert refusal(by_name["eurlex-4k", "lightxml"], LAPTOP) == "too long"
    assert refusal(by_name["eurlex-4k", "attentionxml"], LAPTOP) == "unknown: memory"
    assert by_name["eurlex-4k", "parabel"].gpu_hours == 0
    assert refusal(by_name["wiki-500k", "parabel"], LAPTOP) == "memory"
    assert refusal(by_name["wiki-500k", "parabel"], GPU) == ""  # it needs memory of the machine, not of the GPU
    assert all(
        refusal(one, GPU) == "" for one in estimates(registry, "eurlex-4k", ROOT, GPU) if one.method == "lightxml"
    )


def test_hours_scale_with_words_if_none_are_published() -> None:
    published = {("A", "-", "N_train"): 10.0, ("A", "-", "words_per_doc_train"): 5.0, ("A", "M", "train_hours"): 2.0}
    assert hours_by_words(published, "M", 100.0) == 4.0  # twice the words of A
    assert hours_by_words(published, "other", 100.0) is None and hours_by_words(published, "M", None) is None


def test_downloads_are_counted_once_unless_already_there(registry: Registry, tmp_path: Path) -> None:
    found = downloads(registry, ["eurlex-4k", "eurlex-4k-small"], ["lightxml", "attentionxml"], tmp_path)
    assert set(found) == {"eurlex-4k", "bert-base", "roberta-base", "xlnet-base", "glove-840b"}
    assert downloads(registry, ["hpo-5k-tiny"], ["lightdxml-vectors"], tmp_path)["spacy-en-md"] == 33_478_977
    assert found["bert-base"] == pytest.approx(4 * 109.5e6, rel=0.03)  # BERT-base has 109.48 million weights
    (tmp_path / "data/encoders/bert-base").mkdir(parents=True)
    (tmp_path / "data/eurlex-4k/raw").mkdir(parents=True)
    assert set(downloads(registry, ["eurlex-4k"], ["lightxml"], tmp_path)) == {"roberta-base", "xlnet-base"}


def test_a_users_method_with_a_backbone_is_not_taken_for_a_transformer(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True)
    class Settings(BaseSettings):
        backbone: str = "minilm"

    monkeypatch.setattr(Registry, "made", lambda *_: Settings())
    shape = Shape(100.0, 100.0, 10.0, 5.0)
    assert load_of(registry, "knn", "eurlex-4k", "single", shape).operations is None


def test_the_plan_has_a_row_per_dataset_and_method_and_totals(registry: Registry, tmp_path: Path) -> None:
    text = plan_table(registry, "eurlex-4k-small", ROOT, GPU)
    assert [line.split()[:2] for line in text.split("\n")[1:3]] == [
        ["eurlex-4k-small", "lightxml-fast"],
        ["eurlex-4k-small", "parabel"],
    ]
    assert all(words in text for words in ("GPU hours", "In total", "Disk", "Download", "This machine can run"))
    tiny = Machine(gpus=0, cores=1, gpu_memory=2**30, memory=2**30, disk=1.0, teraflops=0.1)
    assert "which is not enough" in plan_table(registry, "eurlex-4k", ROOT, tiny)


def test_preparing_the_largest_dataset_requests_at_most_16_gb(registry: Registry) -> None:
    """This holds for each stage, on two cores."""
    shape = shape_of(registry, "wiki-500k", ROOT, read_published(ROOT / "published"))
    found = {stage: request(stage_cost(stage, shape, threads=2)) for stage in STAGES}
    assert all(cost.memory <= 16e9 and cost.minutes < 2880 for cost in found.values())
    # X.trn, 8 bytes for each of 690 million values, is read in random order
    assert found["cluster_labels"].memory > 690e6 * 8 > found["prepare_corpus"].memory


def test_preparing_a_small_dataset_requests_little(registry: Registry) -> None:
    """A dataset of unknown size requests the default."""
    shape = shape_of(registry, "hpo-5k-small", ROOT, read_published(ROOT / "published"))
    for stage in STAGES:
        assert request(stage_cost(stage, shape, threads=2)).memory < 2e9
        assert stage == "download_dataset" or request(stage_cost(stage, shape, threads=2)).minutes < 20
        for missing in ("documents_trn", "documents_tst", "labels", "words"):
            assert request(stage_cost(stage, replace(shape, **{missing: None}))) == UNKNOWN


SIZES = st.builds(Shape, *[st.floats(1, 1e7)] * 4, st.floats(1, 100))


@given(
    shape=SIZES, stage=st.sampled_from(sorted(STAGES)), which=st.sampled_from(fields(Shape)), threads=st.integers(1, 64)
)
def test_a_larger_dataset_never_requests_less(shape: Shape, stage: str, which: Any, threads: int) -> None:
    larger = replace(shape, **{which.name: 2 * getattr(shape, which.name)})
    costs = [stage_cost(stage, each, threads) for each in (shape, larger)]
    assert costs[0] and costs[1]
    assert costs[1].memory >= costs[0].memory and costs[1].minutes >= costs[0].minutes


def test_training_requests_what_it_needs_but_at_most_two_days(registry: Registry) -> None:
    shape = shape_of(registry, "wiki-500k", ROOT, read_published(ROOT / "published"))
    load = load_of(registry, "lightxml", "wiki-500k", "tree0", shape)
    assert load.weights and load.memory
    there, here = (training_request(load, shape, gpu, threads=2) for gpu in (True, False))
    assert there.minutes == here.minutes == 2880 and 16 * load.weights < there.memory < here.memory
    kept = replace(load, kept=1e9)  # the vectors of a memory
    assert prediction_request(kept, shape).memory - prediction_request(load, shape).memory == pytest.approx(1.5e9)
    assert training_request(kept, shape, True, 2).memory - there.memory == pytest.approx(1.5e9)
    unknown = Load(None, None, None)
    assert training_request(unknown, shape, True, 1) == UNKNOWN_TRAINING
    short = training_request(Load(9e12 * 600, 1e6, 1e9), shape, True, 1)
    assert 10 < short.minutes < 180
    scores = shape.documents_tst or 0
    assert prediction_request(load, shape).memory > 8 * load.weights + scores * 100 * 8
    assert prediction_request(unknown, shape).memory == 16e9


def test_the_plan_states_the_cost_of_preparing_a_dataset(registry: Registry) -> None:
    (line,) = [line for line in plan_table(registry, "wiki-500k", ROOT, LAPTOP).split("\n") if "Preparing" in line]
    assert line.startswith("Preparing wiki-500k: up to ") and line.endswith("GiB of memory (cluster_labels).")


def test_a_blend_plans_the_trainings_that_no_other_row_has(registry: Registry) -> None:
    """For two seeds: its three members, itself, and the second training of two members without validation documents.

    The third member never learns from the validation documents.
    """

    def planned(*methods: str) -> dict[str, Estimate]:
        target = Target(datasets=("hpo-5k",), methods=methods, seeds=(0, 1))
        own = replace(registry, config=replace(registry.config, targets={"own": target}))
        return {one.method: one for one in estimates(own, "own", ROOT, GPU)}

    alone = planned("lightxml-hybrid")["lightxml-hybrid"]
    among = planned("bonsai", "lightxml-hybrid", "lightxml-fast", "one-vs-rest")
    assert (alone.models, among["lightxml-hybrid"].models, among["lightxml-fast"].models) == (12, 6, 2)
    assert alone.gpu_hours == pytest.approx(among["lightxml-fast"].gpu_hours)
    assert among["lightxml-hybrid"].gpu_hours == 0
    assert not refusal(alone, GPU)
    once = (among["one-vs-rest"].hours or 0) * 3600 * GPU.cores / 2
    assert once == pytest.approx(84, abs=17)  # s of one core, measured: 67 to 101
    fetched = downloads(registry, ["hpo-5k"], ["lightxml-hybrid"], ROOT / "tests")
    assert {"hpo-5k", "minilm"} == fetched.keys()


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lightxml", "plan", *arguments])
        patch.chdir(ROOT)
        main()
    return capsys.readouterr().out


def test_configurations_are_merged_as_by_snakemake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = "datasets: [eurlex-4k], methods: [knn]"
    (tmp_path / "a.yaml").write_text(f"targets:\n  a: {{{own}}}\n  mine: {{{own}}}\n")
    (tmp_path / "b.yaml").write_text(f"targets:\n  b: {{{own}}}\n  mine: {{methods: [popularity]}}\n")
    both = ["--configfile", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]
    assert printed(capsys, "--target", "mine", *both).split("\n")[1].split()[:2] == ["eurlex-4k", "popularity"]
    for target in ("a", "b", "all"):
        assert "eurlex-4k" in printed(capsys, "--target", target, *both)


def test_an_empty_configuration_and_a_bad_rate_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.yaml").touch()
    with pytest.raises(InputError, match=r"empty\.yaml holds no keys"):
        printed(capsys, "--configfile", str(tmp_path / "empty.yaml"))
    for rate in ("-1", "0", "nan", "inf", "1e-400", "fast"):
        with pytest.raises(SystemExit) as ended:
            printed(capsys, "--teraflops", rate)
        assert ended.value.code == 2 and f"{rate}" in capsys.readouterr().err


def test_a_copy_of_several_files_has_the_sum_of_their_sizes(registry: Registry, tmp_path: Path) -> None:
    assert downloads(registry, ["delicious", "bibtex"], ["knn"], tmp_path) == {"delicious": 4628997, "bibtex": 3457834}
