"""A stand-in of every copy of every dataset in the definitions, from a server to trained models."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import cycle, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lightxml_core.corpus.store import load_labels, load_texts, load_Y
from lightxml_core.evaluation.metrics import precision, rank
from lightxml_core.features.origin import OF_CLUSTERS
from lightxml_core.files import load_csr, read_json
from tests.helpers.project import ROOT, copy_project, snakemake
from tests.helpers.standins import (
    DATASETS,
    PARTS,
    StandIn,
    address,
    definition_of,
    localised,
    mirrors,
    pieces,
    planted,
    serving,
    stand_in,
    stand_ins,
)

MIRRORS = mirrors()
CLUSTERED = {"amazon-670k", "wiki-500k"}  # the paper's datasets for the two heads
ENCODER = {"type": "bert", "vocabulary": 400, "width": 16, "layers": 1, "heads": 2, "positions": 64}
PARABEL = {"max_leaf": 4, "trees": 1}
LIGHTXML = {
    "backbone": "tiny",
    "layers": 1,
    "max_tokens": 32,
    "epochs": 1,
    "batch": 16,
    "bottleneck": 8,
    "max_leaf": 4,
    "clusters_kept": 3,
    "swa_step": 0,
    "precision": "fp32",
    "select": "last",
}


@dataclass(frozen=True)
class Server:
    """A folder served on this machine, and the stand-ins."""

    folder: Path
    url: str
    known: list[StandIn]

    def localised(self, mirror: Mapping[str, Any]) -> dict[str, Any]:
        return localised(mirror, stand_in(mirror, self.known).served, self.folder, self.url)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    with serving(folder) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        yield Server(folder, url, stand_ins(DATASETS))


def run(program: str, **options: object) -> None:
    """Run a program of the workflow in this process."""
    given = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", _spelled(value))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [program, *given])
        importlib.import_module(f"workflow_scripts.{program}").main()


def _spelled(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def expecting(dataset: str, local: Mapping[str, Any], found: StandIn) -> tuple[dict[str, Any], dict[str, Any]]:
    """The source of the definition with this mirror alone, and what it expects, in the numbers of the stand-in."""
    definition, local = definition_of(dataset), deepcopy(dict(local))
    if "expected" in local:
        local["expected"] = {key: found.corpus.statistics()[key] for key in local["expected"]}
    source = {**definition["source"], "mirrors": [local]}
    return source, {key: DATASETS[dataset].statistics()[key] for key in definition["expected"]}


@pytest.mark.parametrize(("dataset", "mirror"), MIRRORS, ids=[f"{name}-{mirror['layout']}" for name, mirror in MIRRORS])
def test_a_copy_passes_every_stage(
    dataset: str, mirror: dict[str, Any], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = stand_in(mirror, server.known)
    source, expected = expecting(dataset, server.localised(mirror), found)
    demands = {"dataset": dataset, "keep": definition_of(dataset)["keep"], "expected": expected}
    run(
        "download_dataset", source=source, **demands, archives="archives", lock="lock.json", raw="raw", used="used.json"
    )
    run("prepare_corpus", raw="raw", used="used.json", **demands, out="corpus")
    check_corpus(Path("corpus"), found)
    run("split_validation", labels="corpus/Y.trn.npz", documents=8, dataset=dataset, out="corpus/validation.npy")
    run("build_features", corpus="corpus", kind="tfidf", out="features")
    check_parabel("features")
    timed = json.loads(Path("parabel.cost.json").read_text(encoding="utf-8"))["one_text_seconds"] is not None
    assert timed == json.loads(Path("corpus/stats.json").read_text(encoding="utf-8"))["texts"]
    if mirror["layout"] != "xmc-bow":
        run("import_features", raw="raw", used="used.json", corpus="corpus", out="shipped")
        check_shipped(found)
        check_parabel("shipped")
        check_lightxml("clustered" if dataset in CLUSTERED else "flat", "shipped")


def check_corpus(folder: Path, found: StandIn) -> None:
    """The texts and the labels of every document are those that were planted."""
    labels = load_labels(folder)
    assert len(labels) == len(found.labels)
    columns = [place if name is None else labels.index(name) for place, name in enumerate(found.labels)]
    for part in PARTS:
        assert (load_Y(folder, part)[:, columns] != found.corpus.Y[part]).nnz == 0
        if json.loads((folder / "stats.json").read_text(encoding="utf-8"))["texts"]:
            assert list(load_texts(folder, part)) == [" ".join(text.split()) for text in found.corpus.texts[part]]


def check_shipped(found: StandIn) -> None:
    """The shipped TF-IDF is imported: for methods if both parts have it, for label clusters in any case."""
    if "trn" in found.features:
        assert abs(load_csr(Path("shipped", OF_CLUSTERS)) - found.corpus.X["trn"]).max() < 1e-5
    for part in PARTS if found.features == PARTS else ():
        assert abs(load_csr(Path(f"shipped/X.{part}.npz")) - found.corpus.X[part]).max() < 1e-5


def check_parabel(features: str) -> None:
    """A model learns the labels' words. It could not if texts, features and labels were of different documents."""
    inputs = {"method": "omikuji_trees", "corpus": "corpus", "features": features, "model": f"parabel-{features}"}
    run("train", **inputs, settings=PARABEL, provenance="parabel.json", training_log="parabel.jsonl")
    run("predict", **inputs, out="parabel.npz", cost="parabel.cost.json")
    Y = load_Y(Path("corpus"), "tst")
    assert 100 * precision(rank(load_csr(Path("parabel.npz")), Y, 1), 1) > 70


def check_lightxml(head: str, features: str) -> None:
    """Label clusters, one epoch, and scores of every test document."""
    clusters = {"features": f"{features}/{OF_CLUSTERS}", "labels": "corpus/Y.trn.npz", "max_leaf": 4, "seed": 0}
    run("cluster_labels", **clusters, out="clusters.npz")
    run("build_encoder", corpus="corpus", config=ENCODER, out="encoder")
    run("tokenize", corpus="corpus", encoder="encoder", max_tokens=LIGHTXML["max_tokens"], out="tokens")
    inputs = {"method": "lightxml", "corpus": "corpus", "encoder": "encoder", "tokens": "tokens", "model": "lightxml"}
    inputs |= {"clusters": "clusters.npz"} if head == "clustered" else {}
    settings = {**LIGHTXML, "head": head}
    run("train", **inputs, settings=settings, provenance="lightxml.json", training_log="lightxml.jsonl")
    run("predict", **inputs, top=5, out="lightxml.npz", cost="lightxml.cost.json")
    scores = load_csr(Path("lightxml.npz"))
    assert scores.shape == load_Y(Path("corpus"), "tst").shape and (np.diff(scores.indptr) == 5).all()


# Copies that are bad, and the table of them all

HTML = b"<!DOCTYPE html><html><body>Google Drive - Quota exceeded</body></html>"


def test_a_run_uses_the_first_copy_that_is_right(server: Server, tmp_path: Path) -> None:
    """Five ways for a copy to be bad, then a good one: the last of the shipped definition."""
    project, served = copy_project(tmp_path / "project"), tmp_path / "served"
    definition = definition_of("eurlex-4k")
    given = definition["source"]["mirrors"]
    smaller = stand_ins({**DATASETS, "eurlex-4k": planted(DATASETS["eurlex-4k"].titles, 9, sizes=(50, 20))})
    with serving(served) as url:
        local = [localised(mirror, stand_in(mirror, smaller).served, served, url) for mirror in given[:-1]]
        faults = cycle([served_as(HTML), cut_short, left, removed])
        for mirror, fault in zip(local, faults, strict=False):
            for piece in pieces(mirror):
                fault(served / piece["url"].removeprefix(f"{url}/"))
        local.append(localised(given[-1], stand_in(given[-1], server.known).served, served, url))
        definition["source"]["mirrors"] = local
        definition["expected"] = {key: DATASETS["eurlex-4k"].statistics()[key] for key in definition["expected"]}
        definition["validation"] = 8
        (project / "datasets/eurlex-4k.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")
        snakemake(project, "results/eurlex-4k/parabel/single/seed0/metrics.json")
    used = read_json(project / "data/eurlex-4k/source.json")
    assert used["layout"] == given[-1]["layout"] and local[-1]["url"] in json.dumps(used)
    assert read_json(project / "results/eurlex-4k/corpus/stats.json")["copy"] == local[-1]["url"]
    assert read_json(project / "results/eurlex-4k/parabel/single/seed0/metrics.json")["accuracy"]["P@1"] > 70


def served_as(content: bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(content)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def left(file: Path) -> None:
    """An intact copy with fewer documents than expected."""


def removed(file: Path) -> None:
    file.unlink()


def place(mirror: dict[str, Any]) -> str:
    """The table's name for a copy: its id on Google Drive, or the common part of its addresses."""
    letters = zip(*map(address, pieces(mirror)), strict=False)
    return "".join(same[0] for same in takewhile(lambda those: len(set(those)) == 1, letters))


def test_every_copy_has_its_row_in_the_table() -> None:
    text = (ROOT / "docs/mirrors.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert all(len(row) == 5 and all(cell.strip(" |") for cell in row) for row in rows)
    listed = [(row[0].strip("| `"), row[1].strip("`")) for row in rows]
    assert sorted(listed) == sorted((dataset, place(mirror)) for dataset, mirror in MIRRORS)
