"""The deep baselines in the whole workflow: from a planted corpus to predictions, ensemble, metrics and table."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lightxml_core.errors import InputError
from lightxml_core.evaluation import metrics
from lightxml_core.files import load_csr, read_json, save_csr
from lightxml_core.methods import load_method, make_settings
from lightxml_core.methods.blend.model import read_blend
from lightxml_core.methods.inputs import Inputs, load_test_data, load_training_data
from lightxml_core.places import results_of_dataset
from lightxml_core.predictor import Predictor
from lightxml_core.training.description import describe_model
from tests.helpers.project import copy_project, snakemake, write_attentionxml

BLENDED = ["attentionxml-tiny/tree0", "knn/single"]
METHODS: dict[str, dict[str, Any]] = {
    "attentionxml-tiny": {
        "implementation": "attentionxml",
        "ensemble": "mean",
        "settings": {
            **{"max_tokens": 32, "width": 24, "hidden": 16, "layers": [16], "word_dropout": 0.1, "dropout": 0.1},
            **{"levels": [4], "max_leaf": 4, "kept": 3, "epochs": 12, "batch": 16, "lr": 0.01, "swa_warmup": [8, 9]},
        },
        "members": {"tree0": {"tree": 0}, "tree1": {"tree": 1, "vectors": "random"}},
    },
    "xtransformer-tiny": {
        "implementation": "xtransformer",
        "ensemble": "rank",
        "settings": {
            **{"layers": 2, "max_tokens": 32, "epochs": 2, "batch": 16, "lr": 0.005},
            **{"head_lr": 0.01, "max_leaf": 4, "clusters_kept": 3},
        },
        "members": {
            "tfidf": {"backbone": "scratch-roberta"},
            "text": {"backbone": "scratch-xlnet", "embedding": "text", "combine": "ranker", "listed": 10},
        },
    },
    "lightdxml-tiny": {
        "implementation": "lightdxml",
        "settings": {
            **{"width": 24, "dropout": 0.1, "epochs": 12, "refresh": 8, "label_epochs": 2, "label_hidden": 16},
            **{"neighbours": 10, "links": 8, "batch": 16, "lr": 0.03, "vectors": "corpus"},
        },
        "members": {"single": {}},
    },
    "blend-tiny": {
        "implementation": "blend",
        "settings": {"blends": BLENDED},
        "members": {"single": {}},
    },
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after a run of target `deep`."""
    folder = copy_project(tmp_path_factory.mktemp("baselines") / "project")
    write_attentionxml(folder / "corpus", documents=160, tests=40, labels=16)
    source = {"folder": "corpus", "layout": "attentionxml"}
    write(folder / "datasets/tiny.yaml", {"title": "Tiny", "source": source, "validation": 20})
    for name, definition in METHODS.items():
        write(folder / f"methods/{name}.yaml", {"title": name, **definition})
    target = {"datasets": ["tiny"], "methods": [*METHODS, "one-vs-rest", "popularity"]}
    write(folder / "deep.yaml", {"targets": {"deep": target}})
    snakemake(folder, "deep", "--configfile", "deep.yaml")
    return folder


def write(path: Path, definition: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(definition, sort_keys=False), encoding="utf-8")


def precision(project: Path, run: str) -> float:
    return float(
        json.loads((project / f"results/tiny/{run}/seed0/metrics.json").read_text(encoding="utf-8"))["accuracy"]["P@1"]
    )


RUNS = [
    *("attentionxml-tiny/tree0", "attentionxml-tiny/tree1", "attentionxml-tiny/ensemble"),
    *("xtransformer-tiny/tfidf", "xtransformer-tiny/text", "xtransformer-tiny/ensemble"),
    *("lightdxml-tiny/single", "one-vs-rest/single", "blend-tiny/single"),
]


@pytest.mark.parametrize("run", RUNS)
def test_each_baseline_learns(run: str, project: Path) -> None:
    assert precision(project, run) > precision(project, "popularity/single") + 30


@pytest.mark.parametrize("run", [run for run in RUNS if "ensemble" not in run and "blend" not in run])
def test_each_baseline_writes_its_log_and_cost(run: str, project: Path) -> None:
    folder = project / f"results/tiny/{run}/seed0"
    lines = [json.loads(line) for line in (folder / "training.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines and all({"kind", "step"} <= line.keys() for line in lines)
    about = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert about["model_bytes"] > 0 and about["wall_seconds"] > 0
    assert 0 < read_json(folder / "prediction.json")["one_text_seconds"] < 60


TRAINED_HERE: dict[str, dict[str, Any]] = {
    "parabel": {"implementation": "omikuji_trees", "model": "parabel", "max_leaf": 4},
    "bonsai": {"implementation": "omikuji_trees", "model": "bonsai", "max_leaf": 4},
    "lightxml": {
        "implementation": "lightxml",
        "layers": 2,
        "max_tokens": 32,
        "epochs": 1,
        "swa_step": 0,
        "head": "flat",
    },
}
MEMBERS = [*(run for run in RUNS if "ensemble" not in run and "blend" not in run), "knn/single", "popularity/single"]


def trained_here(project: Path, folder: Path, implementation: str, **values: Any) -> Path:
    """A run of a method on what the workflow prepared of the corpus."""
    of_corpus, method = project / "results/tiny", load_method(implementation)
    settings = make_settings(method, values)
    needs = method.needs(settings)
    inputs = Inputs(
        of_corpus / "corpus",
        features=of_corpus / "features/tfidf" if "tfidf" in needs else None,
        encoder=of_corpus / "encoders/scratch-roberta",
        tokens=of_corpus / "tokens/scratch-roberta-32-plain" if "tokens" in needs else None,
    )
    method.fit(load_training_data(inputs, needs), settings, folder / "model", False)
    describe_model(folder / "model", implementation, needs, inputs)
    save_csr(folder / "predictions.npz", method.predict(folder / "model", load_test_data(inputs), 100))
    return folder


@pytest.mark.parametrize("run", [*MEMBERS, *TRAINED_HERE])
def test_a_model_gives_texts_the_scores_of_the_workflow_wherever_it_lies(
    run: str, project: Path, tmp_path: Path
) -> None:
    """Byte by byte: the scores that the workflow stored of the test documents, from their texts and the model alone."""
    trained = project / f"results/tiny/{run}/seed0"
    if run in TRAINED_HERE:
        trained = trained_here(project, tmp_path / "trained", **TRAINED_HERE[run])
    texts = (project / "corpus/test_texts.txt").read_text(encoding="utf-8").replace(" ", " \t ").splitlines()
    moved = shutil.copytree(trained / "model", tmp_path / "moved")
    predictor = Predictor(moved)
    save_csr(tmp_path / "found.npz", predictor.scores(texts, 100))
    assert (tmp_path / "found.npz").read_bytes() == (trained / "predictions.npz").read_bytes()
    if "popularity" in run:
        with pytest.raises(InputError, match="cannot tell which words"):
            predictor.predict(texts, words=1)
    elif run != "lightxml":  # which has learnt nothing in one epoch
        least = 0.5 if run.startswith(("attentionxml", "lightdxml")) else 0.9  # gradients are exact near the text only
        tags = [tags[0] for tags in predictor.predict(texts, top=1, words=1)]
        right = [tag.words[0].word.startswith(f"topic{tag.label[5:]}word") for tag in tags if tag.words]
        assert len(right) > 30 and sum(right) > least * len(right), "each label has words of its own"


def test_a_blend_tags_texts_through_the_models_of_its_members(project: Path, tmp_path: Path) -> None:
    trained = project / "results/tiny/blend-tiny/single/seed0"
    texts = (project / "corpus/test_texts.txt").read_text(encoding="utf-8").splitlines()
    predictor = Predictor(trained / "model")
    save_csr(tmp_path / "found.npz", predictor.scores(texts, 100))
    assert (tmp_path / "found.npz").read_bytes() == (trained / "predictions.npz").read_bytes()
    assert 0 < predictor.threshold("micro") < 1
    tags = [tags[0] for tags in predictor.predict(texts, top=1, words=1000)]
    shares = [sum(word.weight for word in tag.words) for tag in tags if tag.words]
    assert len(shares) > 30 and max(shares) <= 1.0 + 1e-6 and sum(share > 1.0 - 1e-6 for share in shares) > 30
    right = [tag.words[0].word.startswith(f"topic{tag.label[5:]}word") for tag in tags if tag.words]
    assert sum(right) > 0.9 * len(right), "each label has words of its own"
    with pytest.raises(InputError, match=r"the model of its member .* is not at"):
        Predictor(shutil.copytree(trained / "model", tmp_path / "a/b/c/d/model"))
    assert [results_of_dataset(Path(place)) for place in ("/m/model", "/d/m/x/s/model")] == [None, Path("/d")]


@pytest.mark.parametrize("run", ["knn/single", "one-vs-rest/single", "blend-tiny/single", "attentionxml-tiny/tree0"])
def test_similar_training_documents_are_shown_with_their_texts(run: str, project: Path) -> None:
    """By TF-IDF if the method compares no documents; none if it reads no TF-IDF. A blend shows those of its knn."""
    texts = (project / "results/tiny/corpus/X.trn.txt").read_text(encoding="utf-8").splitlines()
    Y = load_csr(project / "results/tiny/corpus/Y.trn.npz")
    labels = (project / "results/tiny/corpus/output-items.txt").read_text(encoding="utf-8").splitlines()
    [tags] = Predictor(project / f"results/tiny/{run}/seed0/model").predict([texts[7]], top=2, documents=3)
    if run.startswith("attentionxml"):
        assert tags[0].documents is None
        return
    assert tags[0].documents and len(tags[0].documents) == 3
    assert tags[0].documents[0].document == 8 and tags[0].documents[0].similarity == pytest.approx(1.0)
    for one in tags[0].documents:
        text = texts[one.document - 1]
        assert one.text == (text if len(text) <= 80 else f"{text[:79]}…")
        assert tags[0].label in one.labels and Y[one.document - 1, labels.index(tags[0].label)]


def test_a_training_that_holds_documents_out_keeps_thresholds(project: Path) -> None:
    models = {run: Predictor(project / f"results/tiny/{run}/seed0/model") for run in MEMBERS}
    trees = [models.pop("attentionxml-tiny/tree0"), models.pop("attentionxml-tiny/tree1")]
    assert all(0 < tree.threshold(kind) < 1 for tree in trees for kind in ("micro", "document"))
    for model in models.values():
        with pytest.raises(InputError, match="has no thresholds, because its training held out no documents"):
            model.threshold("micro")


def test_the_table_has_every_run_with_its_word_vectors(project: Path) -> None:
    with (project / "results/targets/deep/tables/comparison.csv").open(encoding="utf-8", newline="") as opened:
        found = {(row["method"], row["variant"]) for row in csv.DictReader(opened) if row["reproduced_mean"]}
    assert found == {
        ("attentionxml-tiny", "tree0, corpus vectors"),
        ("attentionxml-tiny", "tree1, random vectors"),
        ("attentionxml-tiny", "ensemble"),
        *(("xtransformer-tiny", variant) for variant in ("tfidf", "text", "ensemble")),
        ("lightdxml-tiny", "single, corpus vectors"),
        ("one-vs-rest", "single"),
        ("blend-tiny", "single"),
        ("popularity", "single"),
    }


def test_a_blend_learns_from_models_without_the_validation_documents(project: Path) -> None:
    """Those are trained again, except where the training leaves them out, also for a method that no target lists."""
    results = project / "results/tiny"
    again = {path.parent.parent.parent.name for path in results.glob("*/*/seed0/without-validation")}
    assert again == {"knn"}
    assert load_csr(results / "knn/single/seed0/without-validation/model/Y.npz").shape[0] == 160 - 20
    rows = np.load(results / "corpus/validation.npy")
    held_out = load_csr(results / "knn/single/seed0/validation.npz")
    Y = load_csr(results / "corpus/Y.trn.npz")[rows]
    blend = read_blend(results / "blend-tiny/single/seed0/model")
    assert [member.name for member in blend.members] == BLENDED
    assert blend.documents == len(rows) == 20
    assert blend.members[1].validation["P@1"] == pytest.approx(100 * metrics.precision(metrics.rank(held_out, Y, 1), 1))
    predictions = load_csr(results / "blend-tiny/single/seed0/predictions.npz")
    assert predictions.data.min() > 0 and predictions.data.max() <= 1
    assert (project / "results/tiny/knn/single/seed0/predictions.npz").is_file()


def test_a_blend_costs_what_its_members_cost(project: Path) -> None:
    tables = project / "results/targets/deep/tables"
    with (tables / "cost.csv").open(encoding="utf-8", newline="") as opened:
        [row] = [row for row in csv.DictReader(opened) if row["method"] == "blend-tiny"]
    of = [project / f"results/tiny/{name}/seed0" for name in ("blend-tiny/single", *BLENDED)]
    models = [read_json(folder / "provenance.json") for folder in of]
    again = [read_json(path) for folder in of for path in folder.glob("without-validation/provenance.json")]
    assert len(again) == 1
    assert float(row["wall_seconds"]) == pytest.approx(sum(about["wall_seconds"] for about in models + again), abs=1e-3)
    assert float(row["model_bytes"]) == sum(about["model_bytes"] for about in models)
    weights = {member.name: member.weight for member in read_blend(of[0] / "model").members}
    times = [read_json(folder / "prediction.json") for folder in of]
    weighted = [time for time, name in zip(times, ["", *BLENDED], strict=True) if weights.get(name, 1.0)]
    one, all_of_them = sum(time["one_text_seconds"] for time in weighted), sum(time["seconds"] for time in times)
    assert float(row["ms_for_one_text"]) == pytest.approx(1000 * one, abs=1e-3)
    assert float(row["documents_per_second"]) == pytest.approx(40 / all_of_them, rel=0.01)
    with (tables / "blends.csv").open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["member"] for row in rows] == [*BLENDED, "blend"]
    assert sum(float(row["weight"]) for row in rows[:-1]) == pytest.approx(1)
