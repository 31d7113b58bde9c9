"""A trained model tags new texts, from Python and from the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lightxml_core.__main__ import main
from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import tokens_of
from lightxml_core.errors import InputError, main_guard
from lightxml_core.evaluation.metrics import rank_matrix
from lightxml_core.files import read_json, seal, write_json
from lightxml_core.methods import TestData, TrainingData
from lightxml_core.methods.lightxml import fit, predict
from lightxml_core.predictor import Predictor, describe_model
from tests.helpers.planted import FAST, LABELS, MAX_TOKENS, documents
from tests.helpers.project import ROOT

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


def test_tags_agree_with_the_pipeline_and_have_names(model: Path) -> None:
    tokens = tokens_of(TEXTS, model, MAX_TOKENS, "plain")
    scores = predict(model, TestData(tokens=tokens), 3)
    for tags, ranks, row in zip(Predictor(model).predict(TEXTS, top=3), rank_matrix(scores, 3), scores, strict=True):
        assert [tag.label for tag in tags] == [f"L{j}" for j in ranks]
        assert [tag.name for tag in tags] == [f"name of {j}" for j in ranks]
        np.testing.assert_array_equal([tag.score for tag in tags], row.toarray()[0, ranks])


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lightxml_core", "predict", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_the_command_line_prints_a_text_or_json_lines(model: Path, tmp_path: Path) -> None:
    expected = Predictor(model).predict(TEXTS, top=2)
    shown = run("--model", model, "--top", "2", TEXTS[0])
    assert shown.stdout.splitlines() == [f"{tag.score:.3f}  {tag.label}  {tag.name}" for tag in expected[0]]
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    lines = run("--model", model, "--top", "2", "--file", tmp_path / "texts.txt").stdout.splitlines()
    assert [[tag["label"] for tag in json.loads(line)] for line in lines] == [[t.label for t in x] for x in expected]


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The last line that `predict` prints in this process when it exits with 2, without a traceback."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["lightxml", "predict", *map(str, arguments)])
        main_guard(main)
    said = capsys.readouterr()
    assert ended.value.code == 2 and said.out == "" and "Traceback" not in said.err
    return said.err.splitlines()[-1]


def test_a_folder_that_is_not_a_model_for_texts_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = f"error: {tmp_path} is no trained model: name a folder such as results/…/seed0/model"
    assert refusal(capsys, "--model", tmp_path, "a text") == told
    (tmp_path / "method.json").write_text('{"implementation": "knn"}')
    for no_model in (tmp_path / "method.json", tmp_path / "method.json/x", tmp_path / "nowhere"):
        assert "is no trained model" in refusal(capsys, "--model", no_model, "a text")
    with pytest.raises(InputError, match="only models on tokens"):
        Predictor(tmp_path)


def test_mistakes_of_the_user_are_reported_in_one_line(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "utf16.txt").write_bytes("é".encode("utf-16"))
    for options, expected in (
        (["--file", tmp_path], "is a folder"),
        (["--file", tmp_path / "none"], "is missing: check the path"),
        (["--file", tmp_path / "utf16.txt"], "convert the file to UTF-8"),
        (["--file", "x" * 300], "file name too long"),
        (["caf\udce9"], "text 1 is not UTF-8 at character 3"),
        (["--top", "0", "x"], "--top: 0 is less than 1"),
        (["--top", "-3", "x"], "--top: -3 is less than 1"),
        (["--top", "few", "x"], "--top: invalid integer value: 'few'"),
        (["--threads", "0", "x"], "--threads: 0 is less than 1"),
        (["x", "--file", tmp_path / "utf16.txt"], "give one text, or --file"),
    ):
        assert expected in refusal(capsys, "--model", model, *options)


def test_few_texts_and_few_labels_are_allowed(model: Path) -> None:
    predictor = Predictor(model)
    assert predictor.predict([], top=3) == []
    assert [len(tags) for tags in predictor.predict(["", " ", "a\0b"], top=10**15)] == [LABELS] * 3


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[: len(content) // 2],
    "pointer": lambda _: POINTER,
    "other": lambda _: b"{}",
}
READ = ("config.json", "label-names.txt", "method.json", "model.safetensors", "output-items.txt", "settings.json")


@pytest.mark.parametrize("damage", ["removed", *DAMAGES])
@pytest.mark.parametrize("name", [*READ, "tokenizer.json"])
def test_a_damaged_model_without_seal_is_refused_in_one_line(
    model: Path, tmp_path: Path, name: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(model, tmp_path / "model")
    if damage == "removed":
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(DAMAGES[damage]((model / name).read_bytes()))
    said = refusal(capsys, "--model", copy, "a text")
    assert said.startswith("error: ") and str(copy) in said and "delete" not in said
    assert damage != "pointer" or f"{name} is a Git LFS pointer" in said


@pytest.mark.parametrize("change", [{"labels": LABELS + 1}, {"layers": 9}, {"max_tokens": None}, {"unknown": 1}])
def test_a_model_whose_settings_do_not_fit_is_refused_in_one_line(
    model: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    copy = shutil.copytree(model, tmp_path / "model")
    write_json(copy / "settings.json", read_json(copy / "settings.json") | change)
    with pytest.raises(InputError):
        Predictor(copy).predict(["a text"])


def test_a_file_changed_since_training_is_named(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of an intact model keep their traceback."""
    copy = shutil.copytree(model, tmp_path / "model")
    seal(copy)
    monkeypatch.setattr("lightxml_core.encoders.tokens.tokens_of", lambda *_: [][0])
    with pytest.raises(IndexError):
        Predictor(copy).predict(["a text"])
    (copy / "label-names.txt").write_text("other\n")
    with pytest.raises(InputError, match=r"label-names\.txt is not what was written there .*: copy the whole folder"):
        Predictor(copy)
