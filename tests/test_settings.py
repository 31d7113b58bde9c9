"""Every setting of every method and every key of every schema: what is allowed, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
import yaml
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from lightxml_core.corpus.layouts import LAYOUTS
from lightxml_core.encoders.scratch import Kind
from lightxml_core.encoders.tokens import Preparation, prepare_text
from lightxml_core.errors import InputError
from lightxml_core.evaluation.ensemble import How
from lightxml_core.files import load_csr, save_csr, write_json
from lightxml_core.methods import implementations, load_method
from lightxml_core.methods.lightxml import PROTOCOLS
from lightxml_core.registry import Registry
from lightxml_core.registry.checks import check_methods
from lightxml_core.registry.origin import Origin, lay_over, with_numbers
from lightxml_core.values import LARGEST, types_of
from tests.project import ROOT, copy_project, snakemake
from workflow_scripts import ensemble

SCHEMAS = ROOT / "lightxml_core/registry/schemas"
FIELDS = [
    (name, field.name)
    for name in implementations()
    for field in fields(load_method(name).Settings)
    if field.name != "seed"
]


def limits_of(kind: Any) -> list[Any]:
    """The limits of a number, or of the numbers in a list."""
    return limits_of(*get_args(kind)) if get_origin(kind) is list else list(get_args(kind)[1:])


def is_number(kind: Any) -> bool:
    return kind in (int, float) or (kind is not bool and any(is_number(part) for part in get_args(kind)))


NUMBERS = [(name, key) for name, key in FIELDS if is_number(types_of(load_method(name).Settings)[key])]


def test_every_number_has_a_least_value() -> None:
    assert len(NUMBERS) > 80
    for name, key in NUMBERS:
        limits = limits_of(types_of(load_method(name).Settings)[key])
        assert any(isinstance(limit, Ge | Gt) for limit in limits), f"{name}.{key}"


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
def test_a_value_beyond_its_range_is_refused_with_file_and_key_and_by_the_class_itself(data: st.DataObject) -> None:
    name, key = data.draw(st.sampled_from(NUMBERS))
    settings = load_method(name).Settings
    kind = types_of(settings)[key]
    number = get_args(kind)[0] if get_origin(kind) is list else kind
    limit = data.draw(st.sampled_from(limits_of(kind)))
    bad = data.draw(beyond(limit, get_args(number)[0]))
    value = [bad] if get_origin(kind) is list else bad
    with pytest.raises(InputError, match=rf"^{key}(: expected| must be) "):
        settings(**{key: value})
    definition = {"implementation": name, "title": "M", "members": {"single": {key: value}}}
    registry = Registry({}, {}, {}, {}, {"m": definition})
    with pytest.raises(InputError, match=rf"^methods/m.yaml: members.single.{key}(: expected| must be) "):
        check_methods(registry)


@pytest.mark.parametrize(("name", "key"), FIELDS)
def test_a_default_is_within_its_range_and_the_edge_of_a_range_is_allowed_or_refused_in_a_sentence(
    name: str, key: str
) -> None:
    settings = load_method(name).Settings
    settings()
    kind = types_of(settings)[key]
    values = list(get_args(kind)) if get_origin(kind) is Literal else []
    values += [limit.ge for limit in limits_of(kind) if isinstance(limit, Ge) and get_origin(kind) is not list]
    values += [LARGEST] if Le(LARGEST) in limits_of(kind) and get_origin(kind) is not list else []
    for value in values:
        try:
            assert getattr(settings(**{key: value}), key) == value
        except InputError as error:  # it needs another setting, which the sentence names
            assert key in str(error) or "`" in str(error)


# Schemas


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for entry in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []:
        yield from nodes(entry)


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_number_of_a_schema_has_a_least_value(path: Path) -> None:
    for node in nodes(yaml.safe_load(path.read_text(encoding="utf-8"))):
        if node.get("type") in ("integer", "number"):
            assert "minimum" in node or "exclusiveMinimum" in node, f"{path.stem}: {node}"


SOURCES: dict[str, list[set[str]]] = {  # where the program that gets such a value says which it takes
    "backbone": [set(get_args(Kind))],
    "config": [set(PROTOCOLS)],
    "dataset": [{"empty_texts", "documents_without_labels"}, set(LAYOUTS)],
    "method": [set(PROTOCOLS), set(get_args(How))],
    "vector": [],
}


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_schema_offers_what_its_program_takes(path: Path) -> None:
    found = [set(node["enum"]) for node in nodes(yaml.safe_load(path.read_text(encoding="utf-8"))) if "enum" in node]
    assert all(values in SOURCES[path.stem] for values in found)
    assert all(values in found for values in SOURCES[path.stem])


@pytest.mark.parametrize("how", get_args(How))
def test_every_way_to_combine_members_is_taken_by_its_program(
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


@pytest.mark.parametrize("preparation", get_args(Preparation))
def test_every_preparation_of_texts_is_known(preparation: Preparation) -> None:
    assert prepare_text("Some Text", preparation, 8).lower() == "some text"


# The configuration


def test_a_value_is_of_the_uppermost_layer_that_has_it() -> None:
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


@given(
    st.recursive(
        st.integers(-99, 99) | st.booleans() | st.sampled_from(["a", "no way", "1.2.3"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    )
)
def test_numbers_within_a_value_of_the_command_line_count_as_numbers(value: Any) -> None:
    def as_texts(value: Any) -> Any:
        if isinstance(value, list):
            return [as_texts(entry) for entry in value]
        if isinstance(value, dict):
            return {key: as_texts(entry) for key, entry in value.items()}
        return str(value).lower() if isinstance(value, bool) else str(value)

    assert with_numbers({"key": [as_texts(value)]}) == {"key": [value]}


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
    ("asked", "results/hpo-5k/elsewhere/a/seed0/model"): "methods/elsewhere.yaml: vectors: there is no file",
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
def test_a_mistake_is_told_in_one_sentence_with_its_place(project: Path, where: str, content: str) -> None:
    (project / "mine.yaml").write_text(f"{content if where == 'mine' else ''}\n")
    asked = content if where == "asked" else "hpo-5k"
    laid = {"mine": ["--configfile", "mine.yaml"], "config": ["--config", content], "asked": []}[where]
    said = snakemake(project, "-n", asked, *laid, expect=1)
    told = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and told[0].startswith(f"error: {MISTAKES[where, content]}"), said
    assert "Traceback" not in said


def test_numbers_of_the_command_line_reach_the_plan(project: Path) -> None:
    said = snakemake(project, "-n", "hpo-5k", "--config", "seeds=[3]", 'hardware={"threads": 1}')
    assert "seed=3" in said and "seed=0" not in said
