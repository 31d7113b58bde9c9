"""Copies of a corpus with and without shipped features in the workflow: each run states which it reads."""

from __future__ import annotations

import csv
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.sparse import csr_matrix, random_array
from sklearn.datasets import dump_svmlight_file

from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.features.text import build_tfidf
from lightxml_core.files import load_csr
from tests.helpers.project import copy_project, snakemake, write_attentionxml

DOCUMENTS, TESTS, LABELS, WIDTH = 60, 20, 12, 30
COPIES = {"both": ("train.txt", "test.txt"), "half": ("train_v1.txt",), "none": (), "short": ("train.txt",)}
HALF = "results/half/features/shipped/origin.json"
TABLES = "results/targets/shipped/tables"


def features(rows: int) -> csr_matrix:
    return csr_matrix(random_array((rows, WIDTH), density=0.4, rng=rows, dtype=np.float32))


def unit(X: csr_matrix) -> np.ndarray:
    dense = X.toarray()
    return dense / np.linalg.norm(dense, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after a run of target `shipped` on the copies that can be used."""
    folder = copy_project(tmp_path_factory.mktemp("shipped") / "project")
    for name, files in COPIES.items():
        write_attentionxml(folder / name, DOCUMENTS, TESTS, LABELS)
        for file in files:
            rows = {"train": DOCUMENTS, "test": TESTS}[file.partition(".")[0].partition("_")[0]] - (name == "short")
            with (folder / name / file).open("wb") as opened:
                Y = csr_matrix(np.eye(LABELS, dtype=np.int8)[np.arange(rows) % LABELS])
                dump_svmlight_file(features(rows), Y, opened, zero_based=True, multilabel=True)
        with tarfile.open(folder / f"{name}.tar", "w") as archive:
            archive.add(folder / name, name)
        mirror = {"url": f"file://{folder}/{name}.tar", "archive": f"{name}.tar", "layout": "attentionxml"}
        definition = {"title": name, "published_as": "Eurlex-4K", "validation": 8, "source": {"mirrors": [mirror]}}
        write(folder / f"datasets/{name}.yaml", definition)
    neighbours = {"title": "Neighbours", "published_as": "Parabel", "implementation": "knn", "members": {"single": {}}}
    write(folder / "methods/neighbours.yaml", neighbours)
    write(folder / "mine.yaml", {"targets": {"shipped": {"datasets": ["both", "none"], "methods": ["neighbours"]}}})
    snakemake(folder, f"{TABLES}/verdicts.csv", HALF, "--configfile", "mine.yaml")
    return folder


def write(path: Path, definition: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(definition, sort_keys=False), encoding="utf-8")


def matrix(project: Path, dataset: str, name: str) -> np.ndarray:
    return load_csr(project / f"results/{dataset}/features/shipped/{name}.npz").toarray()


def test_shipped_features_are_imported_row_by_row(project: Path) -> None:
    for name, rows in (("X.trn", DOCUMENTS), ("X.tst", TESTS), ("X.clusters", DOCUMENTS)):
        assert np.allclose(matrix(project, "both", name), unit(features(rows)), atol=1e-6)
    assert np.allclose(matrix(project, "half", "X.clusters"), unit(features(DOCUMENTS)), atol=1e-6)


@pytest.mark.parametrize("dataset", ["half", "none"])
def test_features_not_shipped_for_all_documents_are_built(project: Path, dataset: str) -> None:
    trn, tst = ((project / dataset / f"{part}_texts.txt").read_text().splitlines() for part in ("train", "test"))
    X_trn, X_tst, vectoriser = build_tfidf(trn, tst, FeatureSettings())
    assert np.array_equal(matrix(project, dataset, "X.trn"), X_trn.toarray())
    assert np.array_equal(matrix(project, dataset, "X.tst"), X_tst.toarray())
    folder = project / f"results/{dataset}/features/shipped"
    assert json.loads((folder / "vocabulary.json").read_text()) == vectoriser.vocabulary
    if dataset == "none":
        assert (folder / "X.clusters.npz").samefile(folder / "X.trn.npz")


def test_clusters_are_made_from_shipped_training_features_alone(project: Path) -> None:
    planned = snakemake(project, "-n", "results/half/clusters/shipped-4-0.npz", "results/half/clusters/4-0.npz")
    read = re.findall(r"^rule cluster_labels:\n    input: ([^,]*),", planned, flags=re.MULTILINE)
    assert sorted(read) == [f"results/half/features/{file}" for file in ("shipped/X.clusters.npz", "tfidf/X.trn.npz")]


def table(project: Path, name: str) -> list[dict[str, str]]:
    with (project / f"{TABLES}/{name}.csv").open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_tables_and_verdicts_say_which_features_a_run_read(project: Path) -> None:
    told = {
        row["dataset"]: json.loads(row["value"]) for row in table(project, "settings") if row["setting"] == "features"
    }
    assert told == {
        "both": "TF-IDF as shipped in train.txt and test.txt of both.tar",
        "none": "TF-IDF built here, because none.tar ships none for all documents",
    }
    rows = [row for row in table(project, "verdicts") if row["verdict"] != "not run"]
    assert {row["dataset"] for row in rows} == {"both", "none"}
    for row in rows:
        assert ("TF-IDF built here, published with the shipped one" in row["reason"]) == (row["dataset"] == "none")
    assert {row["protocol"] for row in table(project, "comparison") if row["seeds"] == "1"} == {"official"}
    columns = {row["dataset"]: row["computed"] for row in table(project, "datasets") if row["statistic"] == "D_tfidf"}
    assert columns["both"] == str(WIDTH) != columns["none"]


def test_features_of_other_documents_stop_the_run(project: Path) -> None:
    said = snakemake(project, "results/short/features/shipped/X.trn.npz", expect=1)
    assert f"train.txt has features of {DOCUMENTS - 1} documents, but there are {DOCUMENTS} training documents" in said
    assert not list((project / "results/short/features/shipped").glob("*.npz"))
