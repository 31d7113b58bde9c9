"""A trained model put to use on new texts, from Python and from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import tokens_of
from lightxml_core.errors import InputError
from lightxml_core.evaluation.metrics import rank_matrix
from lightxml_core.methods import TestData, TrainingData
from lightxml_core.methods.lightxml import fit, predict
from lightxml_core.predictor import Predictor, describe_model
from tests.planted import FAST, LABELS, MAX_TOKENS, documents
from tests.project import ROOT

TEXTS = documents(7, seed=3)[0]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predictor")
    texts, Y = documents(200, seed=1)
    build_scratch(ScratchConfig("bert", 400, 32, 2, 2, MAX_TOKENS), texts, folder / "encoder")
    tokens = tokens_of(texts, folder / "encoder", MAX_TOKENS, "plain")
    fit(TrainingData(Y=Y, tokens=tokens, encoder=folder / "encoder"), FAST, folder / "model", True)
    (folder / "output-items.txt").write_text("".join(f"L{i}\n" for i in range(LABELS)))
    (folder / "label-names.txt").write_text("".join(f"name of {i}\n" for i in range(LABELS)))
    describe_model(folder / "model", "lightxml", folder)
    return folder / "model"


def test_the_tags_are_those_of_the_pipeline_with_their_names(model: Path) -> None:
    tokens = tokens_of(TEXTS, model, MAX_TOKENS, "plain")
    scores = predict(model, TestData(tokens=tokens), 3)
    for tags, ranks, row in zip(Predictor(model).predict(TEXTS, top=3), rank_matrix(scores, 3), scores, strict=True):
        assert [tag.label for tag in tags] == [f"L{j}" for j in ranks]
        assert [tag.name for tag in tags] == [f"name of {j}" for j in ranks]
        np.testing.assert_array_equal([tag.score for tag in tags], row.toarray()[0, ranks])


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lightxml_core", "predict", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_the_command_line_prints_one_text_for_people_and_a_file_as_json_lines(model: Path, tmp_path: Path) -> None:
    expected = Predictor(model).predict(TEXTS, top=2)
    shown = run("--model", model, "--top", "2", TEXTS[0])
    assert shown.stdout.splitlines() == [f"{tag.score:.3f}  {tag.label}  {tag.name}" for tag in expected[0]]
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    lines = run("--model", model, "--top", "2", "--file", tmp_path / "texts.txt").stdout.splitlines()
    assert [[tag["label"] for tag in json.loads(line)] for line in lines] == [[t.label for t in x] for x in expected]


def test_what_is_no_model_for_texts_is_refused_in_one_line(tmp_path: Path) -> None:
    refused = run("--model", tmp_path, "a text")
    assert refused.returncode == 2 and refused.stderr == (
        f"error: {tmp_path} is no trained model: name a folder such as results/…/seed0/model\n"
    )
    (tmp_path / "method.json").write_text('{"implementation": "knn"}')
    with pytest.raises(InputError, match="only models on tokens"):
        Predictor(tmp_path)
