"""Features shipped with a copy of a dataset: they are read correctly, and faults are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, random_array, save_npz
from sklearn.datasets import dump_svmlight_file, load_svmlight_files

from lightxml_core import arrays
from lightxml_core.corpus.layouts import shipped_features
from lightxml_core.corpus.layouts.svmlight import read_svmlight
from lightxml_core.corpus.types import PartName
from lightxml_core.errors import InputError
from tests.helpers.project import write_attentionxml

TRN, TST, WIDTH = 12, 5, 9
DOCUMENTS: dict[PartName, int] = {"trn": TRN, "tst": TST}


def features(rows: int, seed: int) -> csr_matrix:
    return csr_matrix(random_array((rows, WIDTH), density=0.4, rng=seed, dtype=np.float32))


def write_svmlight(path: Path, X: csr_matrix, first: int = 0, header: bool = False) -> None:
    """Write with scikit-learn, with labels; header: add the first line of the Extreme Classification Repository."""
    Y = csr_matrix(np.eye(4, dtype=np.int8)[np.arange(X.shape[0]) % 4])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as opened:
        if header:
            opened.write(f"{X.shape[0]} {X.shape[1]} 4\n".encode())
        dump_svmlight_file(X, Y, opened, zero_based=first == 0, multilabel=True)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_svmlight_files_are_read_as_by_scikit_learn(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("svmlight")
    value = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False).map(lambda number: number or 1.0)
    document = st.dictionaries(st.integers(0, 30), value, max_size=6)
    heads = st.sampled_from(["", "3", "3,17", "0,1,2"])
    lines = [data.draw(st.lists(st.tuples(heads, document), min_size=1, max_size=6)) for _ in range(2)]
    lines[0].append(("5", {7: 1.0}))  # scikit-learn skips empty lines, so each line has a pair here
    paths = [folder / "train.txt", folder / "test.txt"]
    for path, documents in zip(paths, lines, strict=True):
        texts = (
            f"{head} {' '.join(f'{c}:{v!r}' for c, v in sorted({**own, 29: 0.5}.items()))}" for head, own in documents
        )
        path.write_text("".join(f"{text}\n" for text in texts))
    expected = load_svmlight_files([str(path) for path in paths], multilabel=True, dtype=np.float32)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arrays, "_GATHERED", 3)  # numbers, so that files are written in pieces
        found, first = read_svmlight(*paths, scratch=folder if data.draw(st.booleans()) else None)
    used = {column for documents in lines for _, own in documents for column in own}
    assert first == int(0 not in used)
    for X, wanted in zip(found, (expected[0], expected[2]), strict=True):
        assert X.dtype == np.float32 and X.shape == wanted.shape
        assert (wanted != X).nnz == 0


def test_columns_count_from_1_only_if_no_file_uses_column_0(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("1 1:2 3:4\n")
    (tmp_path / "test.txt").write_text("1 0:5\n")
    (X, X_tst), first = read_svmlight(tmp_path / "train.txt", tmp_path / "test.txt")
    assert first == 0 and X.toarray().tolist() == [[0, 2, 0, 4]] and X_tst.toarray().tolist() == [[5, 0, 0, 0]]
    [X], first = read_svmlight(tmp_path / "train.txt")
    assert first == 1 and X.toarray().tolist() == [[2, 0, 4]]
    for told, from_1, row in ((3, 1, [2, 0, 4]), (4, 0, [0, 2, 0, 4]), (5, 0, [0, 2, 0, 4, 0])):
        (tmp_path / "told.txt").write_text(f"1 {told} 2\n1 1:2 3:4\n")
        [X], first = read_svmlight(tmp_path / "told.txt")
        assert (first, X.toarray().tolist()) == (from_1, [row])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 0:1\n1 0:1 2\n", "line 2: '1 0:1 2'"),
        ("1 0:1\n1 0:x\n", "line 2"),
        ("1 0:1\n1 0:1.2.3\n", "line 2"),
        ("1 0:1\n1 -1:1\n", "line 2"),
        ("words of a text\n", "line 1: 'words of a text'"),
        ("1 0:1\n\n1 0:1 1:1e39\n", "line 3: a value is too large"),
        ("1 0:-1e39\n", "line 1: a value is too large"),
        ("1 0:1e999\n", "line 1: a value is too large"),
        ("2 3 4\n1 0:1\n", "states 2 documents, but 1 follow"),
        ("1 3 4\n1 0:1 3:1\n", "states 3 columns, but column 3 is used"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "train.txt"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_svmlight(path)
    assert str(path) in str(caught.value) and told in str(caught.value)


def attentionxml(folder: Path) -> Path:
    inside = folder / "copy"  # many archives have a top folder
    write_attentionxml(inside, TRN, TST, labels=4)
    return inside


def matrices(folder: Path, layout: str) -> tuple[Path, Path]:
    """A copy in the layout of X-Transformer or PECOS without features, and the paths that these would have."""
    texts = {"xtransformer": "{}_raw_texts.txt", "pecos": "X.{}.txt"}[layout]
    folder.mkdir()
    for part, name, rows in (("trn", "train", TRN), ("tst", "test", TST)):
        save_npz(folder / f"Y.{part}.npz", csr_matrix(np.ones((rows, 1), np.float32)))
        (folder / texts.format(part if layout == "pecos" else name)).write_text("words\n" * rows)
    (folder / {"xtransformer": "label_map.txt", "pecos": "output-items.txt"}[layout]).write_text("a\n")
    beside = folder / "tfidf-attnxml" if layout == "pecos" else folder
    beside.mkdir(exist_ok=True)
    return folder, beside


@pytest.mark.parametrize("layout", ["xtransformer", "pecos"])
def test_matrices_beside_the_texts_are_the_shipped_features(tmp_path: Path, layout: str) -> None:
    copy, beside = matrices(tmp_path / "copy", layout)
    assert shipped_features(layout, tmp_path, DOCUMENTS) is None
    for part, rows in (("trn", TRN), ("tst", TST)):
        save_npz(beside / f"X.{part}.npz", features(rows, rows).astype(np.float64))
    found = shipped_features(layout, tmp_path, DOCUMENTS, tmp_path)
    assert found is not None and found.tst is not None
    assert found.files == tuple(str((beside / f"X.{part}.npz").relative_to(copy)) for part in ("trn", "tst"))
    for X, rows in ((found.trn, TRN), (found.tst, TST)):
        assert (features(rows, rows) != X).nnz == 0


def test_amazons_features_may_be_of_training_documents_only(tmp_path: Path) -> None:
    inside = attentionxml(tmp_path)
    write_svmlight(inside / "train_v1.txt", features(TRN, 1))
    found = shipped_features("attentionxml", tmp_path, DOCUMENTS)
    assert found is not None and found.tst is None and found.files == ("train_v1.txt",)
    assert found.what == "the bag of words of the Extreme Classification Repository"
    assert (found.trn != features(TRN, 1)).nnz == 0


def test_files_of_the_libsvm_page_count_columns_from_1(tmp_path: Path) -> None:
    for part, rows in (("train", TRN), ("test", TST)):
        (tmp_path / f"{part}.txt").write_text("a b\tsome words\n\n" * rows)  # blank lines are not documents
        write_svmlight(tmp_path / f"{part}_tfidf.svm", features(rows, rows), first=1)
    found = shipped_features("libmultilabel", tmp_path, DOCUMENTS)
    assert found is not None and found.tst is not None
    assert found.first_column == 1 and found.files[0] == "train_tfidf.svm"
    assert (found.trn != features(TRN, TRN)).nnz == 0 and (found.tst != features(TST, TST)).nnz == 0


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize(("rows", "tests", "told"), [(TRN - 1, TST, "train"), (TRN, TST + 1, "test")])
def test_other_numbers_of_rows_than_documents_are_refused(
    tmp_path: Path, rows: int, tests: int, told: str, header: bool
) -> None:
    inside = attentionxml(tmp_path)
    write_svmlight(inside / "train.txt", features(rows, 1), header=header)
    write_svmlight(inside / "test.txt", features(tests, 2), header=header)
    with pytest.raises(InputError, match=rf"{told}\.txt has features of \d+ documents, but there are \d+ .*clean"):
        shipped_features("attentionxml", tmp_path, DOCUMENTS)


def test_parts_of_different_widths_or_bad_values_are_refused(tmp_path: Path) -> None:
    _, beside = matrices(tmp_path / "copy", "xtransformer")
    save_npz(beside / "X.trn.npz", features(TRN, 1))
    save_npz(beside / "X.tst.npz", features(TST, 2)[:, :-1])
    with pytest.raises(InputError, match=r"X\.trn\.npz has 9 columns, .*X\.tst\.npz 8"):
        shipped_features("xtransformer", tmp_path, DOCUMENTS)
    spoilt = features(TST, 2)
    spoilt.data[3] = np.nan
    save_npz(beside / "X.tst.npz", spoilt)
    with pytest.raises(InputError, match=r"X\.tst\.npz holds values that are not finite numbers"):
        shipped_features("xtransformer", tmp_path, DOCUMENTS)


def test_documents_without_features_are_rows_of_zeros(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("1\n\n2,3\n")
    [X], _ = read_svmlight(tmp_path / "train.txt")
    assert X.shape == (3, 0) and X.nnz == 0
