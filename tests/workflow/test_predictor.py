"""A trained model tags new texts, from Python and from the command line."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightxml_core.__main__ import main
from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import tokens_of
from lightxml_core.errors import InputError, main_guard
from lightxml_core.evaluation.metrics import rank_matrix
from lightxml_core.features.text import build_tfidf
from lightxml_core.features.vectoriser import NoVectoriser, Vectoriser
from lightxml_core.files import read_json, seal, write_json
from lightxml_core.json_lines import read_documents
from lightxml_core.methods import TestData, TrainingData, knn
from lightxml_core.methods.inputs import Inputs
from lightxml_core.methods.lightxml import fit, needs, predict
from lightxml_core.predictor import Predictor
from lightxml_core.training.description import describe_model
from tests.helpers.fork_server import python
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
    describe_model(folder / "model", "lightxml", needs(FAST), Inputs(folder))
    return folder / "model"


def test_tags_agree_with_the_pipeline_and_have_names(model: Path) -> None:
    tokens = tokens_of(TEXTS, model, MAX_TOKENS, "plain")
    scores = predict(model, TestData(tokens=tokens), 3)
    for tags, ranks, row in zip(Predictor(model).predict(TEXTS, top=3), rank_matrix(scores, 3), scores, strict=True):
        assert [tag.label for tag in tags] == [f"L{j}" for j in ranks]
        assert [tag.name for tag in tags] == [f"name of {j}" for j in ranks]
        np.testing.assert_array_equal([tag.score for tag in tags], row.toarray()[0, ranks])


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [python(), "-m", "lightxml_core", "predict", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_the_command_line_prints_a_text_or_json_lines(model: Path, tmp_path: Path) -> None:
    expected = Predictor(model).predict(TEXTS, top=2)
    shown = run("--model", model, "--top", "2", TEXTS[0])
    assert shown.stdout.splitlines() == [f"{tag.score:.3f}  {tag.label}  {tag.name}" for tag in expected[0]]
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    lines = run("--model", model, "--top", "2", "--file", tmp_path / "texts.txt").stdout.splitlines()
    assert [[tag["label"] for tag in json.loads(line)] for line in lines] == [[t.label for t in x] for x in expected]


def in_this_process(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code of `predict`, what it prints, and the last line of what it says, which is no traceback."""
    code: Any = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lightxml", "predict", *map(str, arguments)])
        try:
            main_guard(main)
        except SystemExit as ended:
            code = ended.code
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, said.out, "".join(said.err.splitlines()[-1:])


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What `predict` says where it ends with 2 and prints nothing."""
    code, printed, said = in_this_process(capsys, *arguments)
    assert (code, printed) == (2, "")
    return said


def test_a_folder_that_is_not_a_model_for_texts_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = f"error: {tmp_path} is no trained model: name a folder such as results/…/seed0/model"
    assert refusal(capsys, "--model", tmp_path, "a text") == told
    (tmp_path / "method.json").write_text('{"implementation": "knn"}')
    for no_model in (tmp_path / "method.json", tmp_path / "method.json/x", tmp_path / "nowhere"):
        assert "is no trained model" in refusal(capsys, "--model", no_model, "a text")


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
        (["--min-score", "nan", "x"], "--min-score: nan is no score"),
        (["--min-score", "0", "--threshold", "micro", "x"], "not allowed with"),
        (["--threads", "0", "x"], "--threads: 0 is less than 1"),
        (["x", "--file", tmp_path / "utf16.txt"], "give one text, or --file"),
    ):
        assert expected in refusal(capsys, "--model", model, *options)


def test_only_labels_of_the_least_score_are_given(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predictor = Predictor(model)
    every = [tag for tags in predictor.predict(TEXTS, top=LABELS) for tag in tags]
    least = sorted(tag.score for tag in every)[len(every) // 2]  # the score of one of them
    found = predictor.predict(TEXTS, top=LABELS, min_score=least)
    assert [tag for tags in found for tag in tags] == [tag for tag in every if tag.score >= least]
    assert "has no thresholds" in refusal(capsys, "--model", model, "--threshold", "micro", "a text")


def test_the_words_that_carried_a_label_are_its_own(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predictor = Predictor(model)
    tags = [tag for tags in predictor.predict(TEXTS, top=1, words=1) for tag in tags]
    own = [f"{'bcdfgk'[label % 6]}{'aeiou'[label // 6]}z" for label in range(LABELS)]
    right = [tag.words is not None and tag.words[0].word == own[int(tag.label[1:])] for tag in tags]
    assert sum(right) >= len(TEXTS) - 1
    _, out, _ = in_this_process(capsys, "--model", model, "--top", "1", "--explain", TEXTS[0])
    assert tags[0].words and out.splitlines()[1].endswith(f"  {tags[0].words[0].word}")


def test_a_stream_of_texts_and_objects_is_tagged_up_to_a_bad_line(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    best = [tags[0].label for tags in Predictor(model).predict(TEXTS, top=1)]
    lines = [TEXTS[0], json.dumps({"text": TEXTS[1], "id": 7}), '{"text": 3}', TEXTS[2]]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))
    code, out, said = in_this_process(capsys, "--model", model, "--top", "1", "--jsonl")
    printed = [json.loads(line) for line in out.splitlines()]
    assert (
        code == 2
        and said == 'error: standard input line 3 is not a JSON object with "text", a string: correct the line'
    )
    assert [(found.get("id"), found["tags"][0]["label"]) for found in printed] == [(None, best[0]), (7, best[1])]


class Trickle(io.RawIOBase):
    """A stream that gives these pieces, and tells how many were taken."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.taken = pieces, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.pieces[self.taken] if self.taken < len(self.pieces) else b""
        self.taken += 1
        buffer[: len(piece)] = piece
        return len(piece)


def test_a_line_is_read_as_soon_as_it_has_arrived() -> None:
    stream = Trickle(b"\xef\xbb\xbfone\ntw", b"o\r\n\nthr", b"ee")
    batches = read_documents(io.BufferedReader(stream))
    found = [([document.text for document in batch], stream.taken) for batch in batches]
    assert found == [(["one"], 1), (["two", ""], 2), (["three"], 4)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "line 2 is not a JSON"),
        (b'{"text": "\\ud800"}', "line 2 is not a JSON"),
        (b"caf\xe9", "not UTF-8 at byte offset 3"),
    ],
)
def test_what_cannot_be_read_is_told_after_what_came_before(line: bytes, told: str) -> None:
    batches = read_documents(io.BufferedReader(Trickle(b"one\n" + line + b"\ntwo\n")))
    assert [document.text for document in next(batches)] == ["one"]
    with pytest.raises(InputError, match=told):
        next(batches)


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


def neighbours(folder: Path, vectoriser: Vectoriser | NoVectoriser | None = None) -> Path:
    """A model on TF-IDF, whose features were built here unless another vectoriser is given."""
    texts, Y = documents(40, seed=1)
    features = build_tfidf(texts, texts, FeatureSettings())
    folder.mkdir()
    features._replace(vectoriser=vectoriser or features.vectoriser).write(folder)
    for name in ("output-items.txt", "label-names.txt"):
        (folder / name).write_text("".join(f"L{i}\n" for i in range(LABELS)))
    knn.fit(TrainingData(Y=Y, X=features.X_trn), knn.Settings(), folder / "model", True)
    describe_model(folder / "model", "knn", knn.needs(knn.Settings()), Inputs(folder, features=folder))
    return folder / "model"


def test_a_model_on_features_of_others_says_that_it_cannot_read_texts(tmp_path: Path) -> None:
    model = neighbours(tmp_path / "made", NoVectoriser("its features came with the dataset"))
    with pytest.raises(InputError, match="cannot read texts, because its features came with the dataset: use a model"):
        Predictor(model)


def test_the_nearest_training_documents_of_a_label_are_named(tmp_path: Path) -> None:
    """Compared with a search of all documents."""
    texts, Y = documents(40, seed=1)
    found = build_tfidf(texts, TEXTS, FeatureSettings())
    similarity = (found.X_tst @ found.X_trn.T).toarray()
    for own, tags in zip(
        similarity, Predictor(neighbours(tmp_path / "made")).predict(TEXTS, 9, documents=3), strict=True
    ):
        nearest = np.argsort(-own, kind="stable")[:20]
        tagged = {tag.label for tag in tags}
        for tag in tags:
            having = [row for row in nearest if Y[row, int(tag.label[1:])]][:3]
            assert tag.documents is not None and tag.words is None and having
            np.testing.assert_allclose([one.similarity for one in tag.documents], own[having], rtol=1e-5)
            for one in tag.documents:
                assert own[one.document - 1] == pytest.approx(one.similarity, rel=1e-5) and one.text is None
                assert set(one.labels) == tagged & {f"L{label}" for label in Y[one.document - 1].indices}


def test_any_file_that_a_folder_lacks_is_named(tmp_path: Path) -> None:
    """Also one whose absence a library does not notice, such as one of several trees. The folder has no seal."""
    model = neighbours(tmp_path / "made")
    files = sorted(path for path in model.rglob("*") if path.is_file() and path.name != "method.json")
    assert len(files) == 7
    for file in files:
        content = file.read_bytes()
        file.unlink()
        with pytest.raises(InputError, match=f"{file} is missing: "):
            Predictor(model)
        file.write_bytes(content)
    assert Predictor(model).predict(TEXTS[:1])


def test_an_interrupt_ends_the_program_silently_while_it_loads_its_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    ended = subprocess.run([sys.executable, "-m", "lightxml_core"], capture_output=True, text=True, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "")


@pytest.mark.parametrize("damage", ["removed", *DAMAGES])
@pytest.mark.parametrize("name", ["vectoriser.json", "vocabulary.json"])
def test_so_is_a_damaged_model_on_features(tmp_path: Path, name: str, damage: str) -> None:
    model = neighbours(tmp_path / "made")
    assert Predictor(model).predict(TEXTS[:1])
    damaged = b"" if damage == "removed" else DAMAGES[damage]((model / name).read_bytes())
    (model / name).unlink()
    if damage != "removed":
        (model / name).write_bytes(damaged)
    with pytest.raises(InputError, match=str(model)):
        Predictor(model)


@pytest.mark.parametrize("change", [{"labels": LABELS + 1}, {"layers": 9}, {"max_tokens": None}, {"unknown": 1}])
def test_a_model_whose_settings_do_not_fit_is_refused_in_one_line(
    model: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    copy = shutil.copytree(model, tmp_path / "model")
    write_json(copy / "settings.json", read_json(copy / "settings.json") | change)
    told = "'unknown' is unknown to this version of the program: use the version" if "unknown" in change else None
    with pytest.raises(InputError, match=told):
        Predictor(copy).predict(["a text"])
    write_json(copy / "method.json", {"implementation": "later"})
    with pytest.raises(InputError, match=f"{copy} is of the method 'later', unknown to this version"):
        Predictor(copy)


def test_a_file_changed_since_training_is_named(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of an intact model keep their traceback."""
    copy = shutil.copytree(model, tmp_path / "model")
    seal(copy)
    monkeypatch.setattr("lightxml_core.encoders.tokens.TextTokenizer.tokens_of", lambda *_: [][0])
    with pytest.raises(IndexError):
        Predictor(copy).predict(["a text"])
    (copy / "label-names.txt").write_text("other\n")
    with pytest.raises(InputError, match=r"label-names\.txt is not what was written there .*: copy the whole folder"):
        Predictor(copy)
