"""Cutting, counting, splitting and storing a corpus."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, random_array

from lightxml_core.corpus import store
from lightxml_core.corpus.cut import cut
from lightxml_core.corpus.lines import TextLines
from lightxml_core.corpus.split import validation_rows
from lightxml_core.corpus.statistics import statistics, verify
from lightxml_core.corpus.types import PARTS, Corpus, Part
from lightxml_core.definitions.corpus import Expected
from lightxml_core.errors import InputError
from lightxml_core.files import write_json


def make_part(documents: int, labels: int, prefix: str, seed: int) -> Part:
    Y = csr_matrix(random_array((documents, labels), density=0.1, rng=np.random.default_rng(seed)), dtype=np.float32)
    Y.data[:] = 1
    return Part([f"{prefix} {row}" + " word" * (row % 3) for row in range(documents)], Y)


def make_corpus(trn: int = 60, tst: int = 30, labels: int = 40) -> Corpus:
    names = [f"label {label}" for label in range(labels)]
    return Corpus(
        make_part(trn, labels, "trn", 1), make_part(tst, labels, "tst", 2), [f"l{n}" for n in range(labels)], names
    )


def bow_corpus() -> Corpus:
    X = csr_matrix(np.array([[1, 0.5], [0, 0]], dtype=np.float32))
    part = Part(None, csr_matrix(np.eye(2, dtype=np.float32)), X)
    return Corpus(part, part, ["0", "1"])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_cut_keeps_documents_whole_and_in_order() -> None:
    corpus = make_corpus()
    small = cut(corpus, 20, 10, seed=3)
    seen: set[str] = set()
    for part, size in zip(PARTS, (20, 10), strict=True):
        before, after = corpus.part(part), small.part(part)
        assert before.texts is not None and after.texts is not None
        rows = [int(text.split()[1]) for text in after.texts]
        assert len(rows) == size and rows == sorted(set(rows))
        for old, new in zip(rows, after.Y, strict=True):
            labels = {small.labels[column] for column in new.indices}
            assert labels == {corpus.labels[column] for column in before.Y[old].indices}
            seen |= labels
    assert small.labels == [label for label in corpus.labels if label in seen]
    assert len(small.labels) < len(corpus.labels), "the case must drop a label"
    assert small.names == [f"label {label[1:]}" for label in small.labels]


def test_the_program_also_cuts_label_names(tmp_path: Path) -> None:
    store.write_corpus(make_corpus(), tmp_path / "whole")
    command = [sys.executable, "-m", "workflow_scripts.prepare_corpus", "--cut", tmp_path / "whole", "--trn", "20"]
    command += [
        "--tst",
        "10",
        "--keep",
        '["documents_without_labels"]',
        "--dataset",
        "small",
        "--out",
        tmp_path / "cut",
    ]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], capture_output=True)
    labels = store.load_labels(tmp_path / "cut")
    assert store.load_label_names(tmp_path / "cut") == [f"label {label[1:]}" for label in labels]


def test_equal_seeds_give_equal_cuts(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        store.write_corpus(cut(make_corpus(), 20, 10, seed), tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a")["X.trn.txt"] != contents(tmp_path / "c")["X.trn.txt"]


def test_a_cut_draws_every_document_equally_often() -> None:
    corpus = make_corpus(trn=10)
    drawn = np.zeros(10)
    for seed in range(400):
        part = cut(corpus, 5, 1, seed).trn
        assert part.texts is not None
        drawn[[int(text.split()[1]) for text in part.texts]] += 1
    assert abs(drawn - 200).max() < 50  # five standard deviations of a binomial (400, 0.5)


def test_bags_of_words_can_be_cut() -> None:
    small = cut(bow_corpus(), 1, 2, seed=0).trn
    assert small.texts is None and small.X is not None and small.X.shape == (1, 2)


@pytest.mark.parametrize(("trn", "tst"), [(61, 1), (1, 31), (0, 1)])
def test_a_cut_larger_than_the_corpus_is_refused(trn: int, tst: int) -> None:
    with pytest.raises(InputError, match="a cut of"):
        cut(make_corpus(), trn, tst, seed=0)


def test_a_cut_finds_faults_after_its_last_document(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("a\n" * 59 + "\n")
    corpus = make_corpus()
    texts = TextLines(tmp_path / "texts.txt", 60, tmp_path / "labels.txt", keep_empty=False)
    small = cut(Corpus(Part(texts, corpus.trn.Y), corpus.tst, corpus.labels), 1, 1, seed=1)
    with pytest.raises(InputError, match=r"empty text in 1 line \(60\)"):
        store.write_corpus(small, tmp_path / "out")


def test_statistics_by_hand() -> None:
    Y_trn = csr_matrix(np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], dtype=np.float32))
    Y_tst = csr_matrix(np.array([[0, 1, 1, 0]], dtype=np.float32))
    words_trn, words_tst = np.array([8, 0, 2]), np.array([7])
    assert statistics(Y_trn, Y_tst, words_trn, words_tst, empty_texts=1) == {
        "documents_trn": 3,
        "documents_tst": 1,
        "labels": 4,
        "labels_per_document": 1.0,
        "documents_per_label": 0.75,
        "words_per_document_trn": 3.3333,
        "words_per_document_tst": 7.0,
        "labels_without_training_documents": 2,
        "empty_texts": 1,
        "documents_without_labels": 1,
        "texts": True,
        "distributions": {"labels_by_documents": [2, 1, 1], "documents_by_words": [1, 0, 1, 0, 1]},
    }


def test_verification_names_every_difference() -> None:
    stats = {"documents_trn": 15539, "labels": 3993, "labels_per_document": 5.30, "words_per_document_trn": None}
    verify(stats, Expected(documents_trn=15539, labels_per_document=5.35), "here")
    expected = Expected(documents_trn=15540, labels=3993, labels_per_document=5.36, words_per_document_trn=9.0)
    with pytest.raises(InputError) as caught:
        verify(stats, expected, "datasets/eurlex-4k.yaml")
    message = str(caught.value)
    for part in (
        "datasets/eurlex-4k.yaml",
        "documents_trn is 15539, expected 15540",
        "labels_per_document is 5.3, expected 5.36",
        "words_per_document_trn is None, expected 9.0",
    ):
        assert part in message
    assert "labels is" not in message


@settings(max_examples=50, deadline=None)
@given(labelled=st.lists(st.booleans(), min_size=1, max_size=30), count=st.integers(-1, 31), seed=st.integers(0, 9))
def test_validation_rows(labelled: list[bool], count: int, seed: int) -> None:
    Y = csr_matrix(np.array(labelled, dtype=np.float32)[:, None])
    if not 0 <= count < sum(labelled):
        with pytest.raises(InputError, match=r"datasets/x.yaml: validation: .* must remain to train on"):
            validation_rows(Y, count, seed, "datasets/x.yaml: validation")
        return
    rows = validation_rows(Y, count, seed, "")
    assert rows.dtype == np.int64 and len(rows) == count
    assert (np.diff(rows) > 0).all() and all(labelled[row] for row in rows)
    np.testing.assert_array_equal(rows, validation_rows(Y, count, seed, ""))


@pytest.mark.parametrize(
    ("labelled", "held_out"), [(0, 0), (1, 0), (3, 0), (9, 0), (10, 1), (160, 16), (2000, 200), (50_000, 200)]
)
def test_the_default_validation_split_suits_any_size(labelled: int, held_out: int) -> None:
    Y = csr_matrix((np.arange(labelled + 5) < labelled).astype(np.float32)[:, None])
    assert len(validation_rows(Y, None, 0, "")) == held_out


def test_texts_are_streamed_while_written(tmp_path: Path) -> None:
    documents, words = 4000, ("w" * 499 + " ") * 10
    Y = csr_matrix(np.ones((documents, 1), dtype=np.float32))
    source = tmp_path / "texts.txt"
    source.write_text((words + "\n") * documents)
    part = Part(TextLines(source, documents, tmp_path / "labels.txt", keep_empty=False), Y)
    tracemalloc.start()
    stats = store.write_corpus(Corpus(part, make_corpus(labels=1).tst, ["a"]), tmp_path / "out")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stats["words_per_document_trn"] == 10
    assert peak < source.stat().st_size / 5


def test_a_failed_write_leaves_no_files(tmp_path: Path) -> None:
    folder, corpus = tmp_path / "out", make_corpus()

    def fail() -> Iterator[str]:
        yield "one"
        raise InputError("a fault in the second part")

    with pytest.raises(InputError, match="second part"):
        store.write_corpus(Corpus(corpus.trn, Part(fail(), corpus.tst.Y), corpus.labels), folder)
    assert contents(folder) == {}
    with pytest.raises(InputError, match=r"stats.json is missing"):
        store.load_labels(folder)


def test_a_failed_rewrite_does_not_look_complete(tmp_path: Path) -> None:
    corpus = make_corpus()
    store.write_corpus(corpus, tmp_path)
    with pytest.raises(ValueError, match="0 texts for the 30 rows"):
        store.write_corpus(Corpus(corpus.trn, Part([], corpus.tst.Y), corpus.labels), tmp_path)
    with pytest.raises(InputError, match=r"stats.json is missing"):
        store.load_Y(tmp_path, "trn")


def test_a_source_without_texts(tmp_path: Path) -> None:
    store.write_corpus(make_corpus(), tmp_path)
    stats = store.write_corpus(bow_corpus(), tmp_path)
    assert (stats["texts"], stats["empty_texts"], stats["words_per_document_trn"]) == (False, 2, None)
    assert (tmp_path / "X.trn.txt").read_bytes() == b""
    np.testing.assert_array_equal(store.load_X(tmp_path, "tst").toarray(), [[1, 0.5], [0, 0]])
    with pytest.raises(InputError, match="only a bag of words"):
        store.load_texts(tmp_path, "trn")
    store.write_corpus(make_corpus(), tmp_path)
    assert not (tmp_path / "X.trn.npz").exists()
    with pytest.raises(InputError, match="has texts"):
        store.load_X(tmp_path, "trn")


def test_labels_and_names_are_one_line_each(tmp_path: Path) -> None:
    corpus = make_corpus(labels=2)
    store.write_corpus(Corpus(corpus.trn, corpus.tst, ["a\u2028b", "c"], ["first\nname", ""]), tmp_path)
    assert store.load_labels(tmp_path) == ["a b", "c"]
    assert store.load_label_names(tmp_path) == ["first name", ""]


def test_a_label_without_training_documents_is_kept_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trn, tst = csr_matrix(np.array([[1, 0, 0]], np.float32)), csr_matrix(np.array([[0, 1, 1]], np.float32))
    with caplog.at_level(logging.WARNING):
        stats = store.write_corpus(Corpus(Part(["t"], trn), Part(["t"], tst), ["x", "y", "z"]), tmp_path)
    assert stats["labels_without_training_documents"] == 2
    assert "2 labels have no training document and cannot be learnt: y, z" in caplog.text
    assert store.load_labels(tmp_path) == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("labels", r"output-items.txt has 40 lines, but stats.json beside it says 41"),
        ("labels", r"Y.trn.npz is 60 x 40, but stats.json beside it says 60 x 41"),
        ("documents_trn", r"Y.trn.npz is 60 x 40, but stats.json beside it says 61 x 40"),
        ("documents_trn", r"X.trn.txt ends after line 60, but .*stats.json continues to 61 documents"),
    ],
)
def test_inconsistent_stored_files_are_refused(tmp_path: Path, key: str, message: str) -> None:
    stats = store.write_corpus(make_corpus(), tmp_path)
    write_json(tmp_path / "stats.json", {**stats, key: stats[key] + 1})
    loaders: dict[str, Callable[[], object]] = {
        "output": lambda: store.load_labels(tmp_path),
        "Y.trn.": lambda: store.load_Y(tmp_path, "trn"),
        "X.trn.": lambda: list(store.load_texts(tmp_path, "trn")),
    }
    with pytest.raises(InputError, match=message):
        loaders[message[:6]]()


def test_texts_can_be_iterated_again(tmp_path: Path) -> None:
    corpus = make_corpus()
    stats = store.write_corpus(corpus, tmp_path)
    assert json.loads((tmp_path / "stats.json").read_text()) == stats == store.load_stats(tmp_path)
    for name in PARTS:
        stream = store.load_texts(tmp_path, name)
        assert list(stream) == list(stream) == corpus.part(name).texts
