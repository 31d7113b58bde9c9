"""Every layout is read correctly, and faults are reported with file and line."""

from __future__ import annotations

import csv
import tempfile
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, save_npz

from lightxml_core.corpus import store
from lightxml_core.corpus.labels import lookalikes
from lightxml_core.corpus.layouts import LAYOUTS, read
from lightxml_core.corpus.layouts.lists import list_suspicion
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.lines import read_lines
from lightxml_core.corpus.reading import Reading
from lightxml_core.corpus.types import PARTS, Corpus, PartName
from lightxml_core.errors import InputError

STRICT = Leniency()
Documents = list[tuple[str, list[str]]]


def write_attentionxml(
    folder: Path, trn: Documents, tst: Documents, end: str = "\n", start: str = "", last: bool = True
) -> None:
    """Write the files of the layout with the given line end and first bytes, optionally without the last line end."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, documents in (("train", trn), ("test", tst)):
        columns = {"texts": [text for text, _ in documents], "labels": [" ".join(labels) for _, labels in documents]}
        for name, lines in columns.items():
            content = start + end.join(lines) + (end if last else "")
            (folder / f"{part}_{name}.txt").write_bytes(content.encode("utf-8"))


def small(folder: Path) -> Path:
    write_attentionxml(folder, [("one two", ["a", "b"]), ("three", ["b"]), ("four", ["c"])], [("five", ["a"])])
    return folder


def write_matrices(folder: Path, texts: str, labels: str, **matrices: np.ndarray) -> Path:
    """Write texts and labels under the given names, and a matrix per part."""
    for part, name in (("trn", "train"), ("tst", "test")):
        save_npz(folder / f"Y.{part}.npz", csr_matrix(matrices[part]))
        lines = "".join(f"{part} {row}\n" for row in range(2))
        (folder / texts.format(part=part, name=name)).write_text(lines)
    (folder / labels).write_text("x y\nz\n")
    return folder


def label_sets(corpus: Corpus, part: PartName) -> list[set[str]]:
    """The names of each document's labels; also checks the format of Y."""
    Y = corpus.part(part).Y
    assert Y.dtype == np.float32 and Y.has_canonical_format and (Y.data == 1).all()
    return [{corpus.labels[column] for column in row.indices} for row in Y]


def texts(corpus: Corpus, part: PartName) -> list[str]:
    stream = corpus.part(part).texts
    assert stream is not None
    return list(stream)


def exhaust(corpus: Corpus) -> None:
    for part in PARTS:
        texts(corpus, part)


CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\n\ufeff\0")
TEXT = st.text(CHARACTERS, min_size=1, max_size=20).filter(lambda text: text.split())
LABEL = TEXT.map(lambda text: text.split()[0])
PART = st.lists(st.tuples(TEXT, st.lists(LABEL, min_size=1, max_size=4)), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(
    parts=st.tuples(PART, PART),
    end=st.sampled_from(["\n", "\r\n"]),
    start=st.sampled_from(["", "\ufeff"]),
    last=st.booleans(),
)
def test_any_corpus_is_stored_unchanged(parts: tuple[Documents, Documents], end: str, start: str, last: bool) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        source, target = Path(temporary, "source"), Path(temporary, "target")
        write_attentionxml(source, *parts, end=end, start=start, last=last)
        stats = store.write_corpus(read("attentionxml", source, STRICT), target)
        stored = read("pecos", target, STRICT)
        assert stored.labels == store.load_labels(target) == sorted({b for part in parts for _, a in part for b in a})
        assert store.load_label_names(target) == stored.labels
        for part, documents in zip(PARTS, parts, strict=True):
            assert list(store.load_texts(target, part)) == [" ".join(text.split()) for text, _ in documents]
            assert label_sets(stored, part) == [set(labels) for _, labels in documents]
            assert (store.load_Y(target, part) != stored.part(part).Y).nnz == 0
            assert stats[f"documents_{part}"] == len(documents)


def test_only_a_line_feed_ends_a_document(tmp_path: Path) -> None:
    odd = "a\u2028b\u2029c\x0bd\x0ce\x1cf\x85g\rh\u00a0i"
    write_attentionxml(tmp_path, [(odd, ["a"]), ("next", ["b"])], [("test", ["a"])])
    assert texts(read("attentionxml", tmp_path, STRICT), "trn") == ["a b c d e f g h i", "next"]


def test_line_ends_are_stripped(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_bytes(b"\xef\xbb\xbfa\r\n\r\nb \n\xef\xbb\xbfc")
    assert list(read_lines(tmp_path / "lines.txt")) == ["a", "", "b ", "\ufeffc"]


def test_raw_texts_are_preferred_to_tokenised_ones(tmp_path: Path) -> None:
    for part in ("train", "test"):
        lines = (small(tmp_path) / f"{part}_texts.txt").read_text()
        (tmp_path / f"{part}_raw_texts.txt").write_text(lines.upper())
    assert texts(read("attentionxml", tmp_path, STRICT), "trn") == ["ONE TWO", "THREE", "FOUR"]


def test_files_are_found_in_a_subfolder(tmp_path: Path) -> None:
    small(tmp_path / "EUR-Lex")
    assert read("attentionxml", tmp_path, STRICT).labels == ["a", "b", "c"]
    small(tmp_path / "copy")
    with pytest.raises(InputError, match=r"more than once.*EUR-Lex.*copy"):
        read("attentionxml", tmp_path, STRICT)


@pytest.mark.parametrize("inside", ["", "EUR-Lex", "xmc-base/eurlex-4k"])
def test_missing_files_are_reported_with_the_files_found(inside: str, tmp_path: Path) -> None:
    (small(tmp_path / inside) / "test_labels.txt").unlink()
    with pytest.raises(InputError, match=rf"must have .*test_labels.txt.*there is .*{inside}/?train_texts.txt"):
        read("attentionxml", tmp_path, STRICT)
    with pytest.raises(InputError, match="no such folder"):
        read("pecos", tmp_path / "nowhere", STRICT)
    with pytest.raises(InputError, match="'excel': choose one of arff, attentionxml, csv, hpo, libmultilabel, pecos"):
        read("excel", tmp_path, STRICT)


def test_line_i_of_the_label_names_names_label_i(tmp_path: Path) -> None:
    write_attentionxml(tmp_path, [("t", ["10", "2"])], [("t", ["0"])])
    (tmp_path / "label_names.txt").write_text("".join(f"name {number}\n" for number in range(11)))
    corpus = read("attentionxml", tmp_path, STRICT)
    assert (corpus.labels, corpus.names) == (["0", "10", "2"], ["name 0", "name 10", "name 2"])
    (tmp_path / "label_names.txt").write_text("only one\n")
    with pytest.raises(InputError, match=r"label_names.txt names the labels 0 to 0, but '10'"):
        read("attentionxml", tmp_path, STRICT)


@pytest.mark.parametrize(
    ("labels", "count", "names", "warning"),
    [
        (["0", "1", "2"], 3, ["line 1", "line 2", "line 3"], ""),
        (["1", "2", "3"], 3, ["line 1", "line 2", "line 3"], "count from 1, so that 'line 1' is the name of label 1"),
        (["2", "3"], 3, ["line 2", "line 3"], "count from 1, so that 'line 2' is the name of label 2"),
        (["1", "2"], 3, ["line 2", "line 3"], "count from 0, so that 'line 2' is the name of label 1"),
        (["0", "1", "3"], 3, None, ""),
        (["1", "2", "4"], 3, None, ""),
        (["1", "x"], 2, None, ""),
        (["1", "9" * 5000], 2, None, ""),
        ([], 2, [], ""),
    ],
)
def test_label_names_count_from_0_unless_they_clearly_count_from_1(
    labels: list[str],
    count: int,
    names: list[str] | None,
    warning: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_attentionxml(tmp_path, [("t", labels)], [("t", labels)])
    (tmp_path / "label_names.txt").write_text("".join(f"line {number}\n" for number in range(1, count + 1)))
    if names is None:
        with pytest.raises(InputError, match=r"label_names.txt names the labels"):
            read("attentionxml", tmp_path, STRICT)
        return
    assert read("attentionxml", tmp_path, Leniency(documents_without_labels=True)).names == names
    assert warning in caplog.text and bool(warning) == bool(caplog.text)


NUL = {
    "attentionxml": [("train_texts.txt", "one\nt\0wo\n"), ("train_labels.txt", "a\nb\0\n")],
    "csv": [("train.csv", "text,labels\nt\0wo,a\n"), ("train.csv", "text,labels\ntwo,a\0\n")],
    "libmultilabel": [("train.txt", "a\tone\nb\tt\0wo\n"), ("test.txt", "a\tone\nb\0\ttwo\n")],
    "pecos": [("X.tst.txt", "one\nt\0wo\n"), ("output-items.txt", "x\nb\0\n")],
    "xtransformer": [("test_raw_texts.txt", "one\nt\0wo\n"), ("label_map.txt", "x\nb\0\n")],
    "arff": [("own-train.arff", "@relation x\n\0\n"), ("own.xml", "<labels>\n\0\n")],
    "xmc-bow": [("train.txt", "1 4 5\n0 0:1\0\n")],
    "hpo": [("hp.obo", "format-version: 1.2\nx\0\n")],
    "wordnet": [("data.adv", "  1\n\0\n")],
}


@pytest.mark.parametrize(("layout", "file", "content"), [(name, *case) for name in LAYOUTS for case in NUL[name]])
def test_a_nul_is_refused_in_every_layout_with_its_line(layout: str, file: str, content: str, tmp_path: Path) -> None:
    WRITERS[layout](tmp_path)
    (tmp_path / file).write_text(content)
    with pytest.raises(InputError, match=rf"{file} line 2 holds a NUL character"):
        exhaust(read(layout, tmp_path, STRICT))


@pytest.mark.parametrize("layout", ["attentionxml", "csv", "pecos", "xtransformer"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[("ab", f"a{unseen}b") for unseen in "\u200b\u200d\u2060\ufeff\xad\ufe0f\x07"],
        ("caf\xe9", "cafe\u0301"),
        ("\uac00", "\u1100\u1161"),
        ("AI", "\uff21\uff29"),
        ("\u212b", "A\u030a\u200b"),
    ],
)
def test_labels_that_look_alike_give_a_warning(
    layout: str, one: str, other: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In every layout whose labels are words."""
    if layout == "csv":
        for part in ("train", "test"):
            (tmp_path / f"{part}.csv").write_text(f"text,labels\nt,{one};other\nu,{other}\n", encoding="utf-8")
    else:
        WRITERS[layout](tmp_path)
        for name in ("train_labels.txt", "output-items.txt", "label_map.txt"):
            (tmp_path / name).write_text(f"{one}\n{other}\n" + "other\n" * (name[0] == "t"), encoding="utf-8")
    corpus = read(layout, tmp_path, STRICT)
    assert {one, other} <= {*corpus.labels} and caplog.text.count("look like another label") == 1
    assert ascii(one) in caplog.text and ascii(other) in caplog.text


@given(
    st.lists(st.text(st.characters(categories=["L", "N", "P", "Zs"])), unique_by=partial(unicodedata.normalize, "NFKC"))
)
def test_visibly_different_labels_give_no_warning(labels: list[str]) -> None:
    assert not [pair for pair in lookalikes(labels) if not {*"\u115f\u1160\u3164\uffa0"} & {*"".join(pair)}]
    assert not [pair for pair in lookalikes([*labels, *labels]) if len({*pair}) == 1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train_texts.txt", b"one\ntwo\nthree\nfour\nfive\n", r"train_texts.txt continues at line 4, .*ends after 3"),
        ("train_texts.txt", b"one\ntwo\n", r"train_texts.txt ends after line 2, .*train_labels.txt continues to 3"),
        (
            "train_texts.txt",
            b"one\n \t\nthree\n",
            r"train_texts.txt: empty text in 1 line \(2\).*keep: \[empty_texts\]",
        ),
        (
            "train_texts.txt",
            b"one\ntw\xe9\nthree\n",
            r"train_texts.txt line 2: the byte 0xe9 at byte offset 2 is not UTF",
        ),
        ("train_labels.txt", b"a\n\xff\nb\n", r"train_labels.txt line 2: the byte 0xff at byte offset 0"),
        ("train_labels.txt", b"a\n\n\n", r"no label in 2 lines \(2, 3\).*keep: \[documents_without_labels\]"),
        ("train_labels.txt", b"\n" * 9, r"no label in 9 lines \(1, 2, 3, 4, 5, …\)"),
        ("test_labels.txt", b"", r"has no tst documents"),
    ],
)
def test_faults_are_reported_with_file_and_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (small(tmp_path) / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        exhaust(read("attentionxml", tmp_path, STRICT))


def test_leniency_keeps_documents(tmp_path: Path) -> None:
    write_attentionxml(tmp_path, [("", ["a"]), ("text", [])], [("text", ["a"])])
    corpus = read("attentionxml", tmp_path, Leniency(empty_texts=True, documents_without_labels=True))
    assert texts(corpus, "trn") == ["", "text"]
    assert label_sets(corpus, "trn") == [{"a"}, set()]


@pytest.mark.parametrize(
    ("layout", "text_files", "label_file"),
    [("pecos", "X.{part}.txt", "output-items.txt"), ("xtransformer", "{name}_raw_texts.txt", "label_map.txt")],
)
def test_layouts_with_matrices(tmp_path: Path, layout: str, text_files: str, label_file: str) -> None:
    trn, tst = np.array([[0.5, 2], [0, 1]]), np.array([[True, False], [False, True]])
    corpus = read(layout, write_matrices(tmp_path, text_files, label_file, trn=trn, tst=tst), STRICT)
    assert texts(corpus, "tst") == ["tst 0", "tst 1"]
    assert label_sets(corpus, "trn") == [{"x y", "z"}, {"z"}]
    assert label_sets(corpus, "tst") == [{"x y"}, {"z"}]


@pytest.mark.parametrize(("layout", "file"), [("pecos", "output-items.txt"), ("xtransformer", "label_map.txt")])
def test_missing_or_equal_titles_stay_separate_labels(
    layout: str, file: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    WRITERS[layout](tmp_path)
    for part in PARTS:
        save_npz(tmp_path / f"Y.{part}.npz", csr_matrix(np.ones((2, 5), np.float32)))
    (tmp_path / file).write_text("Gift card\n\nLamp\nGift  card\n \n")
    corpus = read(layout, tmp_path, STRICT)
    assert corpus.labels == ["Gift card (line 1)", "(line 2)", "Lamp", "Gift card (line 4)", "(line 5)"]
    assert corpus.names == ["Gift card", "(line 2)", "Lamp", "Gift card", "(line 5)"]
    assert f"{file}: lines that are empty or equal" in caplog.text and "'Gift card (line 1)', '(line 2)'" in caplog.text


@pytest.mark.parametrize(("layout", "file"), [("pecos", "output-items.txt"), ("xtransformer", "label_map.txt")])
def test_a_list_of_labels_may_have_bytes_that_are_not_utf_8(
    layout: str, file: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    WRITERS[layout](tmp_path)
    for part in PARTS:
        save_npz(tmp_path / f"Y.{part}.npz", csr_matrix(np.ones((2, 4), np.float32)))
    (tmp_path / file).write_bytes("na\xefve\n".encode() + b"caf\xe9\n\xff \xe9\nplain\n")
    corpus = read(layout, tmp_path, STRICT)
    assert corpus.labels == ["na\xefve", "caf\xe9", "\xff \xe9", "plain"]
    told = f"{tmp_path / file}: 2 of 4 lines are not UTF-8 and are read as Latin-1, the first of them line 2"
    assert [record.getMessage() for record in caplog.records] == [told]
    store.write_corpus(corpus, tmp_path / "stored")
    assert store.load_labels(tmp_path / "stored") == corpus.labels
    texts_file = next(path for path in tmp_path.iterdir() if path.name in ("X.trn.txt", "train_raw_texts.txt"))
    texts_file.write_bytes(b"caf\xe9\nb\n")
    with pytest.raises(InputError, match="the byte 0xe9 at byte offset 3 is not UTF-8"):
        exhaust(read(layout, tmp_path, STRICT))


@pytest.mark.parametrize(
    ("trn", "message"),
    [
        (np.ones((2, 3)), r"Y.trn.npz has 3 columns, but .*output-items.txt has 2 lines"),
        (np.ones((3, 2)), r"X.trn.txt ends after line 2, but .*Y.trn.npz continues to 3"),
        (np.ones((1, 2)), r"X.trn.txt continues at line 2, but .*Y.trn.npz ends after 1"),
        (np.array([[1, 1], [1, -1.0]]), r"Y.trn.npz row 2: -1.0 is not a valid label value"),
        (np.array([[np.nan, 1], [1, np.inf]]), r"Y.trn.npz row 1: nan is not a valid label value, nor are 1 others"),
        (np.array([[1j, 1], [1, 1]]), r"values of type complex128"),
        (np.array([[1, 1], [0, 0]]), r"Y.trn.npz: no label in 1 row \(2\)"),
    ],
)
def test_bad_label_matrices(tmp_path: Path, trn: np.ndarray, message: str) -> None:
    write_matrices(tmp_path, "X.{part}.txt", "output-items.txt", trn=trn, tst=np.ones((2, 2)))
    with pytest.raises(InputError, match=message):
        exhaust(read("pecos", tmp_path, STRICT))


def test_a_stored_zero_is_not_a_label(tmp_path: Path) -> None:
    write_matrices(tmp_path, "X.{part}.txt", "output-items.txt", trn=np.eye(2), tst=np.eye(2))
    save_npz(tmp_path / "Y.trn.npz", csr_matrix(([1, 0, 1], [0, 1, 1], [0, 2, 3]), shape=(2, 2)))
    assert label_sets(read("pecos", tmp_path, STRICT), "trn") == [{"x y"}, {"z"}]


def test_a_damaged_matrix_is_named(tmp_path: Path) -> None:
    write_matrices(tmp_path, "X.{part}.txt", "output-items.txt", trn=np.ones((2, 2)), tst=np.ones((2, 2)))
    (tmp_path / "Y.tst.npz").write_bytes((tmp_path / "Y.tst.npz").read_bytes()[:100])
    with pytest.raises(InputError, match=r"Y.tst.npz is not a readable CSR matrix"):
        read("pecos", tmp_path, STRICT)


BOW = "3 4 5\n0,4,0 0:1.5 3:-2e-1\n 1:1\n2 2:3\n"


def write_bow(folder: Path, trn: str, tst: str = "1 4 5\n0 0:1\n") -> Path:
    (folder / "train.txt").write_text(trn)
    (folder / "test.txt").write_text(tst)
    return folder


def test_bag_of_words(tmp_path: Path) -> None:
    corpus = read("xmc-bow", write_bow(tmp_path, BOW), Leniency(documents_without_labels=True))
    assert corpus.trn.texts is None and corpus.trn.X is not None and corpus.trn.X.dtype == np.float32
    np.testing.assert_allclose(corpus.trn.X.toarray(), np.array([[1.5, 0, 0, -0.2], [0, 1, 0, 0], [0, 0, 3, 0]]))
    assert label_sets(corpus, "trn") == [{"0", "4"}, set(), {"2"}]
    assert corpus.labels == ["0", "1", "2", "3", "4"]
    with pytest.raises(InputError, match=r"train.txt: no label in 1 line \(3\)"):
        read("xmc-bow", tmp_path, STRICT)


@pytest.mark.parametrize(
    ("trn", "message"),
    [
        ("1 4 5\n5 0:1\n", r"train.txt line 2: label 5 is out of range: line 1 states 5"),
        ("1 4 5\n-1 0:1\n", r"line 2: '-1' is not a label number"),
        ("1 4 5\n0_1 0:1\n", r"line 2: '0_1' is not a label number"),
        ("1 4 5\n٣ 0:1\n", r"line 2: '٣' is not a label number"),
        ("1 4 5\n0 0:1_0\n", r"line 2: '0:1_0' is not feature:value"),
        ("1 4 5\n0 0:1e39\n", r"line 2: '0:1e39' is not feature:value with a finite value of 32 bits"),
        ("1 4 5\n0 0:3e38 0:3e38\n", r"train.txt: .* a repeated feature of a line do not add up to a finite"),
        ("1 4 99999999999999999999\n0 0:1\n", r"line 1 is '1 4 9+': it must be the numbers"),
        ("1 999999999999 5\n0 0:1\n", r"line 1 states the number 999999999999, too large for so small a file"),
        ("1 4 5\nx 0:1\n", r"line 2: 'x' is not a label number"),
        ("1 4 5\n0, 0:1\n", r"line 2: '' is not a label number"),
        ("2 4 5\n0 0:1\n0 4:1\n", r"line 3: feature 4 is out of range"),
        ("1 4 5\n0 1\n", r"line 2: '1' is not feature:value"),
        ("1 4 5\n0 1:\n", r"line 2: '1:' is not feature:value"),
        ("1 4 5\n0 1:2:3\n", r"line 2: '1:2:3' is not feature:value"),
        ("1 4 5\n0 1:nan\n", r"line 2: '1:nan' is not feature:value with a finite"),
        ("1 4 5\n0 :1\n", r"line 2: '' is not a feature number"),
        ("2 4 5\n0 0:1\n", r"line 1 states 2 documents, but 1 follow"),
        ("1 4 5\n0 0:1\n1 0:1\n", r"line 1 states 1 documents, but 2 follow"),
        ("1 4\n0 0:1\n", r"line 1 is '1 4'"),
        ("", r"line 1 is ''"),
        ("1 4 5\n0\n", r"train.txt: no feature in 1 line \(2\).*keep: \[empty_texts\]"),
        ("1 9 5\n0 0:1\n", r"states 9 features, .*test.txt 4"),
        ("1 4 6\n0 0:1\n", r"states 6 labels, .*test.txt 5"),
    ],
)
def test_malformed_bags_of_words(tmp_path: Path, trn: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read("xmc-bow", write_bow(tmp_path, trn), STRICT)


# Hash values modulo 100, from the first eight digits of `printf HP:… | sha1sum`: 003 76, 012 4, 016 12.
OBO = r"""format-version: 1.2
synonymtypedef: layperson "layperson term"

[Term]
id: HP:0000001
name: All

[Term]
id: HP:0000118
name: Phenotypic abnormality
def: "Root." []
is_a: HP:0000001 ! All

[Term]
id: HP:0000002
name: Height
def: "Only roots above." []
is_a: HP:0000118 ! Phenotypic abnormality

[Term]
id: HP:0000003
name: Tall
def: "A \"high\" stature." [PMID:1, "x"]
comment: Seen  often.
synonym: "Big" EXACT layperson []
synonym: "Not small" EXACT []
is_a: HP:0000002 ! Height

[Term]
id: HP:0000004
name: No definition
is_a: HP:0000003 {source="x"} ! Tall

[Term]
id: HP:0000012
name: Three steps
def: "Deep." []
is_a: HP:0000004

[Term]
id: HP:0000016
name: Two parents
def: "Deeper." []
is_a: HP:0000012 ! Three steps
is_a: HP:0000008 ! Side

[Term]
id: HP:0000008
name: Side
is_a: HP:0000118

[Term]
id: HP:0000009
name: Old
def: "No longer used." []
is_a: HP:0000003
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""


def test_ontology_of_nine_terms(tmp_path: Path) -> None:
    (tmp_path / "hp.obo").write_text(OBO)
    corpus = read("hpo", tmp_path, STRICT)
    assert texts(corpus, "trn") == ['Tall Big Not small A "high" stature. Seen often.']
    assert label_sets(corpus, "trn") == [{"HP:0000002"}]
    assert texts(corpus, "tst") == ["Three steps Deep.", "Two parents Deeper."]
    assert label_sets(corpus, "tst") == [
        {"HP:0000002", "HP:0000003", "HP:0000004"},
        {"HP:0000003", "HP:0000004", "HP:0000008", "HP:0000012"},  # HP:0000002 is four steps away
    ]
    assert corpus.names == ["Height", "Tall", "No definition", "Side", "Three steps"]


def test_ontology_with_faults(tmp_path: Path) -> None:
    (tmp_path / "hp.obo").write_text(OBO.replace("is_a: HP:0000004", "is_a: HP:0000009"))
    with pytest.raises(InputError, match=r"above HP:0000012 \(line 34\) is HP:0000009, which is not defined"):
        read("hpo", tmp_path, STRICT)
    (tmp_path / "hp.obo").write_text(OBO.replace('def: "Deep." []', 'def: "Deep'))
    with pytest.raises(InputError, match=r"hp.obo line 37: '\"Deep' does not begin with a text in quotes"):
        read("hpo", tmp_path, STRICT)
    for blank in ("is_a:", "is_a:  "):
        (tmp_path / "hp.obo").write_text(OBO.replace("is_a: HP:0000004", blank))
        with pytest.raises(InputError, match=r"hp.obo line 38: `is_a` names no term"):
            read("hpo", tmp_path, STRICT)
    (tmp_path / "hp.obo").write_text(OBO.replace("id: HP:0000012", "id: HP:0000004"))
    with pytest.raises(InputError, match=r"hp.obo line 34: the term has the id of the term of line \d+"):
        read("hpo", tmp_path, STRICT)


WORDNET = {  # n00000008, n00000011 and r00000002 are test documents
    "noun": """  1 This software and database is being provided
00000001 03 n 01 entity 0 002 ~ 00000008 n 0000 ~ 00000002 n 0000 | that which is
00000002 03 n 02 big_dog 0 hound 1 002 @ 00000001 n 0000 + 00000001 v 0101 | barks | "it barked"
00000003 03 n 01 kitten 0 001 @ 00000011 n 0000 | small
00000008 03 n 01 cat 0 002 @ 00000001 n 0000 ~ 00000011 n 0000 | purrs
00000011 03 n 01 tom 0 002 @ 00000008 n 0000 ~ 00000003 n 0000 | he
""",
    "verb": """00000001 29 v 01 dog 0 002 + 00000002 n 0101 > 00000002 r 0000 01 + 02 00 | to follow
00000004 29 v 01 stand 0 000 | alone
""",
    "adj": """00000001 00 s 01 galore(ip) 0 001 & 00000002 a 0000 | many
00000002 00 a 0a a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 j 0 002 & 00000001 s 0000 & 00000002 a 0000 | ten
""",
    "adv": "00000002 02 r 01 well 0 001 \\ 00000001 a 0000 | in a good way\n",
}


def write_wordnet(folder: Path, **changed: str) -> None:
    for pos, content in {**WORDNET, **changed}.items():
        (folder / f"data.{pos}").write_text(content)


def test_wordnet_of_ten_synsets(tmp_path: Path) -> None:
    write_wordnet(tmp_path)
    corpus = read("wordnet", tmp_path, STRICT)
    expected = {  # n00000003 lost its only label, the test document that points back at it; n00000001 lost one of two
        "entity that which is": {"n00000002"},
        'big dog hound barks | "it barked"': {"n00000001", "v00000001"},
        "dog to follow": {"n00000002", "r00000002"},  # a test document that does not point back
        "galore many": {"a00000002"},
        "a b c d e f g h i j ten": {"a00000001"},
    }
    assert dict(zip(texts(corpus, "trn"), label_sets(corpus, "trn"), strict=True)) == expected
    assert texts(corpus, "tst") == ["cat purrs", "tom he", "well in a good way"]
    assert label_sets(corpus, "tst") == [{"n00000001", "n00000011"}, {"n00000008", "n00000003"}, {"a00000001"}]
    assert dict(zip(corpus.labels, corpus.names or [], strict=True))["n00000002"] == "big dog, hound"


@pytest.mark.parametrize(
    ("pos", "line", "message"),
    [
        ("adv", "00000002 02 r 01 well 0 002 \\ 00000001 a 0000 | in\n", r"data.adv line 1: not a synset"),
        ("adv", "00000002 02 r 01 well 0 000\n", r"data.adv line 1: not a synset"),
        ("adv", "00000002 02 q 01 well 0 000 | in\n", r"data.adv line 1: not a synset"),
        ("verb", "garbage\n", r"data.verb line 1: not a synset"),
        ("verb", "00000001 29 v 01 dog 0 001 + 00000077 n 0101 | x\n", "points to n00000077, which no file defines"),
    ],
)
def test_wordnet_with_faults(tmp_path: Path, pos: str, line: str, message: str) -> None:
    write_wordnet(tmp_path, **{pos: line})
    with pytest.raises(InputError, match=message):
        read("wordnet", tmp_path, STRICT)


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: bool(text.split()))
LABEL = WORDS.filter(lambda label: ";" not in label)


@given(
    st.lists(st.tuples(WORDS, st.lists(LABEL, min_size=1, max_size=3)), min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(deadline=None)
def test_a_csv_table_is_read_as_written(rows: list[tuple[str, list[str]]], end: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        for part in ("train", "test"):
            with (Path(name) / f"{part}.csv").open("w", encoding="utf-8-sig", newline="") as opened:
                table = csv.writer(opened, lineterminator=end)
                table.writerow(["number", "Labels", "text"])
                table.writerows([i, "; ".join(labels), f"{text}\n{text}"] for i, (text, labels) in enumerate(rows))
        corpus = read("csv", Path(name), STRICT)
    assert texts(corpus, "trn") == texts(corpus, "tst") == [" ".join(f"{text} {text}".split()) for text, _ in rows]
    assert label_sets(corpus, "trn") == [{" ".join(label.split()) for label in labels} for _, labels in rows]


def test_a_single_csv_table_is_split_by_a_hash_of_the_texts(tmp_path: Path) -> None:
    rows = "".join(f"a text no {i % 50},l{i % 7};all\n" for i in range(100))
    (tmp_path / "documents.csv").write_text(f"text,labels\n{rows}")
    corpus = read("csv", tmp_path, STRICT)
    trn, tst = (set(texts(corpus, part)) for part in ("trn", "tst"))
    assert not trn & tst and len(trn | tst) == 50 and 4 <= len(tst) <= 16
    assert corpus.labels == ["all", *(f"l{i}" for i in range(7))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text;labels\na;b\n", r"train.csv line 1: there must be one column 'text', but the columns are text;labels"),
        ("text,labels\na,b,c\n", r"train.csv line 2: 3 cells under 2 columns"),
        ('text,labels\n"a,b\n', r"train.csv line 2: unexpected end of data"),
        ('text,labels\n"a"b,c\n', r"train.csv line 2: .*expected after"),
        ("text,labels\n \t,b\nc,d\n", r"empty text in 1 line \(2\).*keep: \[empty_texts\]"),
        ("text,labels\na,b\n\nb, ;\n", r"no label in 1 line \(4\).*keep: \[documents_without_labels\]"),
        ("text,labels\n", r"has no trn documents"),
    ],
)
def test_csv_tables_with_faults(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "train.csv").write_text(content)
    (tmp_path / "test.csv").write_text("text,labels\nx,y\n")
    with pytest.raises(InputError, match=message):
        read("csv", tmp_path, STRICT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n ,b\n", r"empty text in 1 line \({}\)"),
        ("a,b\nb,\n", r"no label in 1 line \({}\)"),
        ("a,b\nb,c,d\n", r"line {}: 3 cells under 2 columns"),
        ('a,b\n"a"b,c\n', r"line {}: .*expected after"),
        ('a,b\n"a\n,b\n\n', r"line {}: unexpected end of data"),
        ('a,b\n" \n\n",b\n', r"empty text in 1 line \({}\)"),
    ],
)
@pytest.mark.parametrize(
    ("before", "lines"),
    [("", 0), ('"one\ntwo\n\nthree",b\n', 4), ("\n\n", 2), ('\n"a\nb","x;\ny"\n\n"\nc",z\n', 7)],
)
@pytest.mark.parametrize(("file", "end"), [("train.csv", "\n"), ("documents.csv", "\r\n")])
def test_a_fault_is_reported_with_the_first_line_of_its_document(
    file: str, end: str, before: str, lines: int, content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_text(f"text,labels\n{before}{content}".replace("\n", end), newline="")
    if file == "train.csv":
        (tmp_path / "test.csv").write_text("text,labels\nx,y\n")
    with pytest.raises(InputError, match=rf"{file}.*{message.format(lines + 3)}"):
        read("csv", tmp_path, STRICT)


def test_too_few_documents_to_split_are_refused(tmp_path: Path) -> None:
    for texts_, part in ((["one", "two", "three"], "training"), (["same"] * 9, "(test|training)")):
        (tmp_path / "documents.csv").write_text("text,labels\n" + "".join(f"{text},a\n" for text in texts_))
        with pytest.raises(InputError, match=rf"into the {part} part: put train.csv and test.csv into .* instead"):
            read("csv", tmp_path, STRICT)


COLUMNS = [
    ("a b\tone  two\n\nb\tthree\n", [{"a", "b"}, {"b"}], ["one two", "three"]),
    ("7\ta  b\tone two\n8\t\tthree", [{"a", "b"}, set()], ["one two", "three"]),
    ("7\ta\t\n \n8\tb\t \r\n", [{"a"}, {"b"}], ["", ""]),
]


@pytest.mark.parametrize(("content", "labels", "texts_"), COLUMNS, ids=["without IDs", "with IDs", "no text"])
def test_lines_of_labels_and_text_with_or_without_an_id(
    tmp_path: Path, content: str, labels: list[set[str]], texts_: list[str]
) -> None:
    write_libmultilabel(tmp_path, content)
    corpus = read("libmultilabel", tmp_path, Leniency(empty_texts=True, documents_without_labels=True))
    assert label_sets(corpus, "trn") == labels and texts(corpus, "trn") == texts_
    assert label_sets(corpus, "tst") == [{"a"}] and texts(corpus, "tst") == ["three"]


@settings(max_examples=60, deadline=None)
@given(
    parts=st.tuples(PART, PART),
    ids=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_lines_of_labels_and_text_are_read_as_written(
    parts: tuple[Documents, Documents], ids: bool, end: str, last: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for file, documents in zip(("train.txt", "test.txt"), parts, strict=True):
            lines = ["\t".join(["7"] * ids + [" ".join(b), " ".join(a.split("\t"))]) for a, b in documents]
            Path(folder, file).write_bytes((end.join(lines) + end * last).encode())
        corpus = read("libmultilabel", Path(folder), STRICT)
        for part, documents in zip(PARTS, parts, strict=True):
            assert texts(corpus, part) == [" ".join(text.split()) for text, _ in documents]
            assert label_sets(corpus, part) == [set(labels) for _, labels in documents]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a one\n", r"train.txt line 1 has 1 column between tabs: write `labels TAB text` on every line, or `ID TAB"),
        ("1\ta\tb\tone\n", r"train.txt line 1 has 4 columns between tabs: write .*no tab within a text"),
        ("a\tone\n\nb\ttwo\tthree\n", r"train.txt line 3 has 3 columns .*line 1 has 2 \(labels and text\): write"),
        ("1\ta\tone\nb\ttwo\n", r"train.txt line 2 has 2 columns .*line 1 has 3 \(an ID, labels and text\): write"),
        ("a\tone\n\n\ttwo\n", r"train.txt: no label in 1 line \(3\).*keep: \[documents_without_labels\]"),
        ("a\tone\n\nb\t \n", r"train.txt: empty text in 1 line \(3\).*keep: \[empty_texts\]"),
        ("\n", r"has no trn documents"),
    ],
)
def test_lines_of_labels_and_text_with_faults(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        exhaust(read("libmultilabel", write_libmultilabel(tmp_path, content), STRICT))


def test_labels_with_another_separator_give_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read("libmultilabel", write_libmultilabel(tmp_path, "a|b a|b\tone\n", "c\tthree\nb|a\tfour\n"), STRICT)
    assert "train.txt line 1: labels such as 'a|b'" in caplog.text and "write blanks between labels" in caplog.text
    caplog.clear()
    read("libmultilabel", write_libmultilabel(tmp_path, "a|b c\tone\n"), STRICT)
    assert not caplog.text


LISTS = {
    "parts in other orders": (["a,b", "b,a"], ","),
    "sorted parts": (["a, b", "a, c", "b, c"], ","),
    "some cells with one label": (["red, blue", "blue", "red", "green, red"], ","),
    "bars": (["a|b", "c|d"], "|"),
    "bars around": (["|a|b|", "|c|"], "|"),
    "tabs": (["a\tb", "c"], "\t"),
    "lines": (["a\nb", "c"], "\n"),
    "addresses": (["<u/1> <u/2>", "<u/2> <u/1>"], " "),
    "numbers": (["12 15", "3"], " "),
    "tags": (["python pandas", "pandas numpy", "numpy", "pandas", "python"], " "),
}
LITERALS = [["['a', 'b']", "['b']"], ['["a","b"]', '["c"]', "[]"], ["{'a'}", "{'a', 'b'}"], ["('a', 'b')", "('a',)"]]
NO_LISTS = [
    ["[bug]", "[feature]", "[question]"],
    ["Smith, John", "Smith, Jane", "Doe, Jane"],
    ["Austin, Texas", "Dallas, Texas", "Paris, France"],
    ["N,N-dimethylaniline", "1,2-dichlorobenzene", "1,3-dichlorobenzene", "2,4-D", "1,1,2,2-tetrachloroethane"],
    ["1,000", "2,000", "10,000"],
    ["machine learning", "deep learning", "learning theory", "theory"],
    ["iPhone 12", "iPhone 13", "Pixel 7"],
    ["agreement (EU)", "fishing, deep sea", "policy of the Union", "Union law"],
    ["(EU)", "(UK)"],
    ["a,b;c", "b,a"],
]


def write_cells(folder: Path, cells: list[str]) -> Path:
    for part in ("train", "test"):
        with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as opened:
            csv.writer(opened).writerows([["text", "labels"], *([f"text {cell}", cell] for cell in cells)])
    return folder


@pytest.mark.parametrize(("cells", "separator"), LISTS.values(), ids=LISTS)
def test_lists_with_another_separator_give_an_example(
    cells: list[str], separator: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Following the advice of the message removes the warning."""
    read("csv", write_cells(tmp_path, cells), STRICT)
    told = yaml.safe_load(caplog.text.partition("set `")[2].partition("`")[0])
    assert told == {"separator": separator} and "train.csv line" in caplog.text
    assert repr(min(cell for cell in cells if separator in cell)) in caplog.text
    caplog.clear()
    corpus = read("csv", tmp_path, STRICT, Reading(separator))
    assert label_sets(corpus, "trn") == [{*filter(None, map(str.strip, cell.split(separator)))} for cell in cells]
    assert not caplog.text


@pytest.mark.parametrize("cells", LITERALS)
@pytest.mark.parametrize("separator", [None, ","])
def test_lists_in_the_syntax_of_a_programming_language_give_a_warning(
    cells: list[str], separator: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read("csv", write_cells(tmp_path, cells), STRICT, Reading(separator))
    assert "train.csv line" in caplog.text and "looks like a list in a programming language" in caplog.text


@pytest.mark.parametrize("cells", NO_LISTS)
def test_labels_of_several_words_give_no_warning(cells: list[str]) -> None:
    assert list_suspicion(cells, ";") is None


@given(st.lists(st.text("ab,; |", max_size=6), max_size=8, unique=True))
def test_any_cells_can_be_checked_for_lists(cells: list[str]) -> None:
    found = list_suspicion(cells, ";")
    assert found is None or (found[1] in cells and not any(";" in cell for cell in cells))


@pytest.mark.parametrize("layout", sorted(LAYOUTS.keys() - {"csv"}))
def test_only_csv_has_a_separator(layout: str, tmp_path: Path) -> None:
    WRITERS[layout](tmp_path)
    with pytest.raises(InputError, match=f"separator is for the layout csv only, not {layout}"):
        read(layout, tmp_path, STRICT, Reading(","))


def _csv(folder: Path) -> None:
    for part in ("train", "test"):
        (folder / f"{part}.csv").write_text('text,labels\n"one, two",a;b\nthree,b\n')


def write_libmultilabel(folder: Path, trn: str, tst: str = "a\tthree\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "train.txt").write_text(trn)
    (folder / "test.txt").write_text(tst)
    return folder


def _arff(folder: Path) -> None:
    head = (
        "@relation 'own: -C 2'\n@attribute a {0,1}\n@attribute 'b c' {0,1}\n@attribute x numeric\n@attribute y real\n"
    )
    (folder / "own-train.arff").write_text(f"{head}@data\n{{0 1,2 1.5}}\n{{0 1,1 1,3 -2}}\n")
    (folder / "own-test.arff").write_text(f"{head}@data\n0,1,0.5,2\n")
    (folder / "own.xml").write_text('<labels><label name="a"/><label name="b c"></label></labels>')


def _bow(folder: Path) -> None:
    write_bow(folder, "3 4 5\n0,4 0:1.5 3:-0.2\n2 1:1\n1 2:3\n")


ONES = {"trn": np.eye(2, dtype=np.float32), "tst": np.ones((2, 2), np.float32)}
WRITERS: dict[str, Callable[[Path], object]] = {
    "arff": _arff,
    "attentionxml": small,
    "csv": _csv,
    "libmultilabel": lambda folder: write_libmultilabel(folder, "a b\tone\nb\t two\n"),
    "pecos": lambda folder: write_matrices(folder, "X.{part}.txt", "output-items.txt", **ONES),
    "xtransformer": lambda folder: write_matrices(folder, "{name}_raw_texts.txt", "label_map.txt", **ONES),
    "xmc-bow": _bow,
    "hpo": lambda folder: (folder / "hp.obo").write_text(OBO),
    "wordnet": write_wordnet,
}
