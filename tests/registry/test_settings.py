"""Every setting of every method and every key of every definition: allowed values work, others are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
import torch
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lightxml_core.corpus.layouts import LAYOUTS
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.statistics import statistics
from lightxml_core.definitions import backbone
from lightxml_core.definitions.config import Config
from lightxml_core.definitions.corpus import Expected
from lightxml_core.definitions.dataset import Dataset
from lightxml_core.definitions.documentation import FILES, json_schema
from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.definitions.method import Method
from lightxml_core.definitions.reading import with_numbers
from lightxml_core.definitions.vectors import Vectors
from lightxml_core.encoders.backbone import Backbone, load_encoder
from lightxml_core.encoders.scratch import Kind, ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import Preparation, prepare_text
from lightxml_core.encoders.words import Split
from lightxml_core.errors import InputError
from lightxml_core.evaluation.ensemble import How
from lightxml_core.files import load_csr, save_csr, write_json
from lightxml_core.methods import changed, flatten, implementations, load_method, make_settings, settable
from lightxml_core.methods.lightxml import PROTOCOLS
from lightxml_core.registry import load_registry, read_config
from lightxml_core.registry.checks import check_methods
from lightxml_core.registry.origin import Origin, lay_over
from lightxml_core.values import LARGEST, types_of
from tests.helpers.project import ROOT, copy_project, snakemake
from tests.methods.test_small_corpora import QUICK, Prepared, planted
from workflow_scripts import ensemble

SHIPPED = load_registry(ROOT, read_config(ROOT / "config.yaml"))
FIELDS = [(name, key) for name in implementations() for key in settable(load_method(name).Settings)]


def limits_of(kind: Any) -> list[Any]:
    """The limits of a number, or of the numbers in a list."""
    return limits_of(*get_args(kind)) if get_origin(kind) is list else list(get_args(kind)[1:])


def is_number(kind: Any) -> bool:
    return kind in (int, float) or (kind is not bool and any(is_number(part) for part in get_args(kind)))


NUMBERS = [(name, key) for name, key in FIELDS if is_number(settable(load_method(name).Settings)[key])]


def keys_of(settings: type) -> list[str]:
    """Every key of a dataclass and of its groups; a key in two groups occurs twice."""
    kinds = types_of(settings)
    return [key for name, kind in kinds.items() for key in (keys_of(kind) if is_dataclass(kind) else [name])]


@pytest.mark.parametrize("name", implementations())
def test_a_key_belongs_to_one_group_and_is_read_from_it(name: str) -> None:
    method = load_method(name)
    keys, values = keys_of(method.Settings), flatten(method.Settings())
    assert list(values) == keys and len(set(keys)) == len(keys)
    assert make_settings(method, {**values, "seed": 7}) == changed(method.Settings(), seed=7) != method.Settings()
    with pytest.raises(InputError, match=r"unknown setting 'sed': known are .*seed"):
        make_settings(method, {"sed": 1})


def test_every_number_has_limits() -> None:
    assert len(NUMBERS) > 80
    for name, key in NUMBERS:
        limits = limits_of(settable(load_method(name).Settings)[key])
        assert any(isinstance(limit, Ge | Gt) for limit in limits), f"{name}.{key}"
        assert any(isinstance(limit, Le | Lt) for limit in limits), f"{name}.{key}"


def beyond(limit: Any, inner: Any) -> st.SearchStrategy[Any]:
    """Numbers that a limit excludes, the first of them included."""
    if isinstance(limit, Ge | Gt):
        edge = limit.ge if isinstance(limit, Ge) else limit.gt
        if inner is int:
            return st.integers(max_value=edge - 1)
        return st.floats(max_value=edge, exclude_max=isinstance(limit, Ge), allow_infinity=False, allow_nan=False)
    assert isinstance(limit, Le | Lt)
    edge = limit.le if isinstance(limit, Le) else limit.lt
    if inner is int:
        return st.integers(min_value=edge + 1)
    return st.floats(min_value=edge, exclude_min=isinstance(limit, Le), allow_infinity=False, allow_nan=False)


@given(data=st.data())
def test_a_value_outside_its_range_is_refused_with_file_and_key(data: st.DataObject) -> None:
    """The class itself refuses it too."""
    name, key = data.draw(st.sampled_from(NUMBERS))
    method = load_method(name)
    kind = settable(method.Settings)[key]
    number = get_args(kind)[0] if get_origin(kind) is list else kind
    limit = data.draw(st.sampled_from(limits_of(kind)))
    bad = data.draw(beyond(limit, get_args(number)[0]))
    value = [bad] if get_origin(kind) is list else bad
    with pytest.raises(InputError, match=rf"^{key}(: expected| must be) "):
        make_settings(method, {key: value})
    definition = Method(implementation=name, title="M", members={"single": {key: value}})
    registry = replace(SHIPPED, datasets={}, methods={"m": definition})
    with pytest.raises(InputError, match=rf"^methods/m.yaml: members.single.{key}(: expected| must be) "):
        check_methods(registry)


@pytest.mark.parametrize(("name", "key"), FIELDS)
def test_a_default_is_within_its_range(name: str, key: str) -> None:
    """The edge of a range is allowed, or refused in a sentence."""
    method = load_method(name)
    kind = settable(method.Settings)[key]
    values = list(get_args(kind)) if get_origin(kind) is Literal else []
    values += [limit.ge for limit in limits_of(kind) if isinstance(limit, Ge) and get_origin(kind) is not list]
    values += [LARGEST] if Le(LARGEST) in limits_of(kind) and get_origin(kind) is not list else []
    for value in values:
        try:
            assert flatten(make_settings(method, {key: value}))[key] == value
        except InputError as error:  # it needs another setting, which the sentence names
            assert key in str(error) or "`" in str(error)


# Definitions


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for entry in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []:
        yield from nodes(entry)


@pytest.mark.parametrize("kind", FILES.values())
def test_every_number_of_a_definition_has_both_limits(kind: type) -> None:
    for node in nodes(json_schema(kind)):
        if node.get("type") in ("integer", "number"):
            assert node.keys() >= {"minimum", "maximum"}, f"{kind}: {node}"


@pytest.mark.parametrize("kind", FILES.values())
def test_every_key_of_a_definition_is_described(kind: type) -> None:
    for node in nodes(json_schema(kind)):
        for key, value in node.get("properties", {}).items():
            assert value.get("description"), f"{node['title']}.{key}"


def test_a_dataset_can_expect_every_statistic() -> None:
    Y, words = sparse.csr_matrix(np.eye(2, dtype=np.float32)), np.array([3, 4])
    counted = statistics(Y, Y, words, words, 0)
    numbers = {key for key, value in counted.items() if isinstance(value, int | float) and not isinstance(value, bool)}
    assert {field.name for field in fields(Expected)} == numbers


SOURCES: dict[type, list[set[str]]] = {  # the programs' own lists of accepted values
    backbone.Backbone: [set(get_args(Kind)), set(get_args(Split))],
    Config: [set(PROTOCOLS)],
    Dataset: [
        {field.name for field in fields(Leniency)},
        set(LAYOUTS),
        set(get_args(types_of(FeatureSettings)["analyzer"])),
    ],
    Method: [set(PROTOCOLS), set(get_args(How))],
    Vectors: [],
}


@pytest.mark.parametrize("kind", FILES.values())
def test_a_definition_allows_what_its_program_accepts(kind: type) -> None:
    found = [set(node["enum"]) for node in nodes(json_schema(kind)) if "enum" in node]
    assert all(values in SOURCES[kind] for values in found)
    assert all(values in found for values in SOURCES[kind])


@pytest.mark.parametrize("how", get_args(How))
def test_every_way_to_combine_members_is_accepted_by_the_program(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [tmp_path / f"{name}.npz" for name in "ab"]
    for path in members:
        save_csr(path, sparse.csr_matrix(np.array([[0.5, 0.25, 0.0]], np.float32)))
    write_json(tmp_path / "members.json", [str(path) for path in members])
    arguments = ["--members", str(tmp_path / "members.json"), "--how", how, "--out", str(tmp_path / "out.npz")]
    monkeypatch.setattr("sys.argv", ["ensemble", *arguments])
    ensemble.main()
    assert load_csr(tmp_path / "out.npz").shape == (1, 3)


def literals_of(name: str) -> dict[str, list[Any]]:
    """The values of each setting of a method that allows only some; without a GPU none in half precision."""
    kinds = settable(load_method(name).Settings)
    found = {key: list(get_args(kinds[key])) for method, key in FIELDS if method == name}
    found = {key: values for key, values in found.items() if get_origin(kinds[key]) is Literal}
    return {key: [value for value in values if value != "fp16"] for key, values in found.items()}


def together(name: str) -> list[dict[str, Any]]:
    """A few valid combinations of settings that contain each of those values at least once."""
    literals, random, chosen = literals_of(name), Random(0), list[dict[str, Any]]()
    missing = {(key, value) for key, values in literals.items() for value in values}
    while missing:
        drawn = {key: random.choice(values) for key, values in literals.items()}
        try:
            make_settings(load_method(name), {**drawn, "warm_epochs": 1, "layers": 1}) if name == "lightxml" else None
        except InputError:
            continue
        if missing & drawn.items():
            chosen.append(drawn)
            missing -= drawn.items()
    return chosen


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(planted(48, 12, 20), tmp_path_factory.mktemp("corpus"))


COMBINATIONS = [(name, drawn) for name in implementations() for drawn in together(name)]


@pytest.mark.parametrize(
    ("name", "drawn"), COMBINATIONS, ids=[f"{name}, {'-'.join(d.values())}" for name, d in COMBINATIONS]
)
def test_every_value_that_a_setting_allows_trains_and_predicts(
    name: str, drawn: dict[str, Any], corpus: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr("lightxml_core.encoders.compilation.BACKEND", "eager")  # leaves out the slow compiler
    method, known = load_method(name), settable(load_method(name).Settings)
    quick = {
        **QUICK,
        "layers": [8] if name == "attentionxml" else 1 if drawn.get("position") == "pooled" else 2,
        "max_leaf": 4,
        "warm_epochs": 1,
        "clusters_kept": 2,
    }
    settings = make_settings(method, {key: value for key, value in {**quick, **drawn}.items() if key in known})
    needs = method.needs(settings)
    data = corpus.training(settings, needs)
    if "test" in needs:
        data = replace(data, test=replace(corpus.test(settings, needs), Y=corpus.Y_tst))
    method.fit(data, settings, tmp_path / "model", True)
    found = method.predict(tmp_path / "model", corpus.test(settings, needs), 5)
    assert found.nnz and np.isfinite(found.data).all()


@given(kind=st.sampled_from(get_args(Kind)), width=st.integers(8, 24), heads=st.integers(1, 6))
@settings(max_examples=15)
def test_an_encoder_from_scratch_is_refused_or_works(kind: Kind, width: int, heads: int) -> None:
    try:
        config = ScratchConfig(kind, 300, width, 1, heads, 16)
    except InputError:
        return
    with TemporaryDirectory() as folder:
        build_scratch(config, ["some words of a text, and others"] * 9, Path(folder))
        if config.depth:
            encoder = Backbone(load_encoder(Path(folder), True), 1, "first")
            assert encoder(torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.bool)).shape == (2, width)


@pytest.mark.parametrize("preparation", get_args(Preparation))
def test_every_preparation_of_texts_is_known(preparation: Preparation) -> None:
    assert prepare_text("Some Text", preparation, 8).lower() == "some text"


# The configuration


def test_a_value_is_taken_from_the_uppermost_layer_that_has_it() -> None:
    layers = [
        ("mine.yaml", {"seeds": [0], "targets": {"a": {"datasets": ["x"]}}}),
        ("more.yaml", {"targets": {"a": {"methods": ["y"]}}}),
        ("--config", {"protocol": "clean"}),
    ]
    origin = Origin(layers)
    assert origin.file_of("seeds", 0) == origin.file_of("targets", "a", "datasets", 0) == "mine.yaml"
    assert origin.file_of("targets", "a", "methods") == origin.file_of("targets", "a") == "more.yaml"
    assert origin.file_of("protocol") == "--config"
    assert origin.file_of("hardware", "threads") == origin.file_of() == "config.yaml"


@given(st.lists(st.integers(0, 99), min_size=1), st.floats(0, 100), st.sampled_from(["2024", "1e5", "no", "knn"]))
def test_command_line_texts_become_numbers_only_where_numbers_are_expected(
    seeds: list[int], points: float, name: str
) -> None:
    target = {"datasets": [name], "methods": [name], "seeds": [str(seed) for seed in seeds]}
    hardware = {"threads": str(seeds[0]), "gpus": "auto"}
    given = {"seeds": ["x", *target["seeds"]], "tolerance": {"P": str(points)}, "hardware": hardware}
    found = with_numbers({**given, "targets": {"7": target}, "protocol": "clean"}, Config)
    assert found == {
        "seeds": ["x", *seeds],
        "tolerance": {"P": points},
        "hardware": {"threads": seeds[0], "gpus": "auto"},
        "targets": {"7": {"datasets": [name], "methods": [name], "seeds": seeds}},
        "protocol": "clean",
    }


def test_layers_are_merged_as_snakemake_merges_them() -> None:
    below: dict[str, Any] = {"a": {"b": 1, "c": [1, 2]}, "d": 4}
    lay_over(below, {"a": {"c": [3], "e": {"f": 1}}, "d": {"g": 1}})
    assert below == {"a": {"b": 1, "c": [3], "e": {"f": 1}}, "d": {"g": 1}}


MEMBER = "results/hpo-5k/popularity/nope/seed0/metrics.json"
MISTAKES = {
    ("mine", "seeds: '0'"): "mine.yaml: seeds: expected a list, found '0'",
    ("config", "seeds=[-1]"): "--config: seeds.0 must be at least 0, not -1",
    ("asked", MEMBER): "methods/popularity.yaml: no member 'nope' on hpo-5k",
    ("asked", "elsewhere"): "datasets/elsewhere.yaml: source.folder: there is no folder",
    (
        "asked",
        "results/hpo-5k/elsewhere/a/seed0/model",
    ): "methods/elsewhere.yaml: vectors: ../elsewhere.txt is not there",
    (
        "asked",
        "results/eurlex-4k-bow/lightxml/bert/seed0/model",
    ): "methods/lightxml.yaml: it reads texts and eurlex-4k-bow",
    ("asked", "data/encoders/elsewhere"): "backbones/elsewhere.yaml: source.folder: there is no folder",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_project(tmp_path_factory.mktemp("settings") / "project")
    (folder / "datasets/elsewhere.yaml").write_text("title: E\nsource: {folder: ../elsewhere, layout: csv}\n")
    (folder / "backbones/elsewhere.yaml").write_text("title: E\nsource: {folder: ../elsewhere}\n")
    (folder / "methods/elsewhere.yaml").write_text(
        "title: E\nimplementation: lightdxml\nmembers: {a: {vectors: ../elsewhere.txt}}\n"
    )
    return folder


@pytest.mark.parametrize(("where", "content"), MISTAKES, ids=[content[:40] for _, content in MISTAKES])
def test_a_mistake_is_reported_in_one_sentence_with_its_place(project: Path, where: str, content: str) -> None:
    (project / "mine.yaml").write_text(f"{content if where == 'mine' else ''}\n")
    asked = content if where == "asked" else "hpo-5k"
    laid = {"mine": ["--configfile", "mine.yaml"], "config": ["--config", content], "asked": []}[where]
    said = snakemake(project, "-n", asked, *laid, expect=1)
    told = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and told[0].startswith(f"error: {MISTAKES[where, content]}"), said
    assert "Traceback" not in said


@pytest.mark.parametrize("file", ["results/hpo-5k/encoders/minilm", "data/hpo-5k-tiny/raw"])
def test_a_file_that_no_rule_can_make_gives_no_traceback(project: Path, file: str) -> None:
    said = snakemake(project, "-n", file, expect=1)
    assert f"No rule to produce {file}" in said and "Traceback" not in said


def test_numbers_of_the_command_line_reach_the_plan(project: Path) -> None:
    said = snakemake(project, "-n", "hpo-5k", "--config", "seeds=[3]", 'hardware={"threads": 1}')
    assert "seed=3" in said and "seed=0" not in said
