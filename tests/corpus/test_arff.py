"""MULAN's tables and splits: they are read correctly, and faults are reported with file and line."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lightxml_core.corpus.layouts import files_read, read
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.reading import Reading
from lightxml_core.corpus.splits import Split
from lightxml_core.corpus.types import Corpus
from lightxml_core.definitions.corpus import Labels, Splits
from lightxml_core.errors import InputError
from lightxml_core.files import read_json
from tests.downloads.test_transfer import Page, Server, server, sha
from tests.helpers.project import copy_project, snakemake

__all__ = ["server"]

LENIENT = Leniency(empty_texts=True, documents_without_labels=True)
RANDOM = Split(Splits(count=2, trn=3, tst=1), 0)
VALUES = np.array([[1, 0, 0.5, 0], [1, 1, 0, -2], [0, 1, 3, 1], [1, 0, 0, 7]])  # two labels, two features
ATTRIBUTES = [
    "@attribute TAG_a {0,1}",
    "@ATTRIBUTE 'b\\'s %1' {0, 1}",
    "@attribute x numeric",
    '@attribute "y z"\treal',
]


def write(path: Path, rows: list[str], relation: str = "own", attributes: list[str] = ATTRIBUTES) -> Path:
    head = ["% a comment", f"@relation {relation}", "", *attributes, "% another", "", "@DATA", ""]
    path.write_text("\r\n".join([*head, *rows, "% the end", ""]))
    return path


def dense(values: np.ndarray) -> list[str]:
    return [", ".join(f"{value:g}" for value in row) for row in values]


def sparse(values: np.ndarray) -> list[str]:
    cells = [[f"{column} {value:g}" for column, value in enumerate(row) if value] for row in values]
    return ["{" + ", ".join(row) + " }" for row in cells]


def whole(corpus: Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Labels and features of the documents of both parts, sorted by their last feature."""
    assert corpus.trn.X is not None and corpus.tst.X is not None
    Y, X = (
        np.vstack([one.toarray(), other.toarray()])
        for one, other in ((corpus.trn.Y, corpus.tst.Y), (corpus.trn.X, corpus.tst.X))
    )
    order = np.argsort(X[:, -1])
    return Y[order], X[order]


@pytest.mark.parametrize("rows", [dense, sparse])
@pytest.mark.parametrize(
    ("relation", "labels", "xml", "columns"),
    [
        ("'own: -C 2'", None, None, [0, 1]),
        ("'own: -C -1 -x'", None, None, [3]),
        ("own", Labels(first=1), None, [0]),
        ("'own: -C 1'", Labels(last=2), '<labels><label name="x"/></labels>', [2, 3]),
        (
            "'own: -C 1'",
            None,
            '<?xml version="1.0"?>\n<labels xmlns="u"><label name="TAG_a">\n<label name="b\'s %1"/></label></labels>',
            [0, 1],
        ),
    ],
)
def test_labels_are_chosen_by_definition_xml_or_relation(
    rows: Callable[[np.ndarray], list[str]],
    relation: str,
    labels: Labels | None,
    xml: str | None,
    columns: list[int],
    tmp_path: Path,
) -> None:
    values = VALUES.copy()
    if 3 in columns:  # its values are not 0 and 1, so they cannot be labels
        values[:, 2:] = values[:, 2:] != 0
    write(tmp_path / "own.arff", rows(values), relation)
    if xml is not None:
        (tmp_path / "own.xml").write_text(xml)
    corpus = read("arff", tmp_path, LENIENT, Reading(labels=labels, split=RANDOM))
    names = ["TAG_a", "b's %1", "x", "y z"]
    others = [column for column in range(4) if column not in columns]
    assert corpus.labels == [names[column] for column in columns]
    Y, X = whole(corpus)
    expected = values[np.argsort(values[:, others[-1]], kind="stable")]
    found = {(*y, *x) for y, x in zip(Y.tolist(), X.tolist(), strict=True)}
    assert found == {(*row[columns], *row[others]) for row in expected}


def test_train_and_test_tables_must_have_the_same_attributes(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    write(tmp_path / "top/own-train.arff", sparse(VALUES[:3]), "'x: -C 2'")
    test = write(tmp_path / "top/own-test.arff", dense(VALUES[3:]), "'x: -C 2'")
    write(tmp_path / "top/own.arff", dense(VALUES))
    corpus = read("arff", tmp_path, LENIENT)
    assert corpus.trn.Y.toarray().tolist() == VALUES[:3, :2].tolist()
    assert corpus.tst.X is not None and corpus.tst.X.toarray().tolist() == VALUES[3:, 2:].tolist()
    assert len(files_read("arff", tmp_path)) == 3
    write(test, dense(VALUES[3:]), "'x: -C 2'", [ATTRIBUTES[1], ATTRIBUTES[0], *ATTRIBUTES[2:]])
    with pytest.raises(InputError, match="have different attributes"):
        read("arff", tmp_path, LENIENT)


FIRST_ROW = 12  # line of the first document in a file of `write`
WRONG = {
    "a value that is not a number": (["1,0,x,2"], f"line {FIRST_ROW}: a value is not a number"),
    "a value that is missing": (["1,0,?,2"], f"line {FIRST_ROW}: the attribute x is missing"),
    "a value that is infinite": (["1,0,2,1e99"], f"line {FIRST_ROW}: the attribute y z is '1e\\+99', not a finite"),
    "a value too many": (["1,0,1,2", "1,0,1,2,3"], f"line {FIRST_ROW + 1}: the number of values is not"),
    "an index that is too large": (["{0 1,4 1}"], f"line {FIRST_ROW}: the number of values is not"),
    "a label that is not listed": (["{0 2}"], f"line {FIRST_ROW}: a value is not among those"),
    "a row without braces among sparse ones": (
        ["{0 1}", "1,0,1,1"],
        f"line {FIRST_ROW + 1}: this line is not valid ARFF",
    ),
    "a percent sign in a bad row": (["{0 100%}"], f"line {FIRST_ROW}: "),
}


@pytest.mark.parametrize(("rows", "message"), WRONG.values(), ids=WRONG)
def test_a_bad_row_is_refused_with_its_line(rows: list[str], message: str, tmp_path: Path) -> None:
    write(tmp_path / "own.arff", rows, "'x: -C 2'")
    with pytest.raises(InputError, match=message):
        read("arff", tmp_path, LENIENT, Reading(split=RANDOM))


@pytest.mark.parametrize(
    ("attributes", "reading", "message"),
    [
        (ATTRIBUTES, None, "does not say which attributes are labels: set `labels"),
        (ATTRIBUTES, Labels(last=4), "4 of 4 attributes cannot be labels"),
        (ATTRIBUTES, Labels(last=2), f"line {FIRST_ROW}: the label x is 0.5, not 0 or 1"),
        ([*ATTRIBUTES[:3], "@attribute y {1,0}"], Labels(first=2), "the attribute y lists 1 first"),
        ([*ATTRIBUTES[:3], "@attribute y {red,blue}"], Labels(first=2), "the attribute y is 'red'"),
        ([*ATTRIBUTES[:3], "@attribute TAG_a real"], Labels(first=2), "line 7: .* was declared before"),
        ([*ATTRIBUTES[:3], "@attribute y date"], Labels(first=2), "line 7: the type of this @attribute"),
    ],
)
def test_bad_attributes_are_refused(
    attributes: list[str], reading: Labels | None, message: str, tmp_path: Path
) -> None:
    write(tmp_path / "own.arff", sparse(VALUES), attributes=attributes)
    with pytest.raises(InputError, match=message):
        read("arff", tmp_path, LENIENT, Reading(labels=reading, split=RANDOM))


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ('<labels><label name="TAG_b"/></labels>', "names the label TAG_b, which is not an attribute"),
        ("<labels></labels>", "names no label"),
        ("<labels>", "this is not valid XML"),
        ('<!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><labels/>', "has a declaration"),
    ],
)
def test_a_bad_list_of_labels_is_refused(xml: str, message: str, tmp_path: Path) -> None:
    write(tmp_path / "own.arff", sparse(VALUES))
    (tmp_path / "labels.xml").write_text(xml)
    with pytest.raises(InputError, match=f"labels.xml.*{message}"):
        read("arff", tmp_path, LENIENT, Reading(split=RANDOM))


# --- splits ---------------------------------------------------------------------------------------------------------


@given(st.permutations(range(1, 8)), st.permutations(range(1, 8)), st.integers(0, 1))
def test_official_splits_are_the_columns_of_their_files(one: list[int], other: list[int], number: int) -> None:
    rows = [f"{a}\t{b} \n" for a, b in zip(one, other, strict=True)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "trn.txt").write_text("".join(rows[:5]))
        (folder / "tst.txt").write_text("\n".join(rows[5:]))
        trn, tst = Split(Splits(count=2, trn="trn.txt", tst="tst.txt"), number).rows(folder / "own.arff", 7)
    wanted = (one, other)[number]
    assert trn.tolist() == sorted(row - 1 for row in wanted[:5])
    assert tst.tolist() == sorted(row - 1 for row in wanted[5:])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_random_splits_divide_all_documents_and_are_reproducible(trn: int, tst: int, number: int) -> None:
    split = Split(Splits(count=100, trn=trn, tst=tst), number)
    first, again = (split.rows(Path("own.arff"), trn + tst) for _ in range(2))
    assert (len(first[0]), len(first[1])) == (trn, tst)
    assert sorted(np.concatenate(first).tolist()) == list(range(trn + tst))
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_random_splits_differ_and_must_use_every_document() -> None:
    halves = [
        tuple(Split(Splits(count=3, trn=20, tst=20), number).rows(Path("own.arff"), 40)[0]) for number in range(3)
    ]
    assert len({*halves}) == 3
    with pytest.raises(InputError, match=r"own.arff has 41 documents, but the splits ask for 20 \+ 20"):
        Split(Splits(count=3, trn=20, tst=20), 0).rows(Path("own.arff"), 41)


BAD_SPLITS = {
    "a column too few": ("1 2\n3\n2 1\n", "4 4\n", r"trn.txt line 2 has 1 columns, but source.splits.count is 2"),
    "a row of zero": ("1 2\n0 3\n2 1\n", "4 4\n", r"trn.txt line 2: row 0 is out of range: there are 4 documents"),
    "a row too large": ("1 2\n3 3\n2 1\n", "4 5\n", r"tst.txt line 1: row 5 is out of range"),
    "a word": ("1 2\n3 3\n2 x\n", "4 4\n", r"trn.txt line 3: 'x' is not a row number"),
    "a repeated row": (
        "1 2\n3 3\n\n1 1\n",
        "4 4\n",
        r"trn.txt line 4: row 1 appears twice in column 1, .*trn.txt line 1",
    ),
    "an overlap": ("1 2\n3 3\n2 1\n", "4 3\n", r"tst.txt line 1: row 3 appears twice in column 2, .*trn.txt line 2"),
    "a document left out": ("1 2\n3 3\n", "4 4\n", r"trn.txt and .*tst.txt: column 1 leaves out row 2:"),
    "an empty file": ("\n", "4 4\n", r"trn.txt has no row numbers"),
    "no file": (None, "4 4\n", r"trn.txt, which source.splits names, is missing"),
}


@pytest.mark.parametrize(("trn", "tst", "message"), BAD_SPLITS.values(), ids=BAD_SPLITS)
def test_bad_splits_are_refused_with_file_and_line(trn: str | None, tst: str, message: str, tmp_path: Path) -> None:
    write(tmp_path / "own.arff", sparse(VALUES), "'x: -C 2'")
    for name, text in (("trn.txt", trn), ("tst.txt", tst)):
        if text is not None:
            (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read("arff", tmp_path, LENIENT, Reading(split=Split(Splits(count=2, trn="trn.txt", tst="tst.txt"), 0)))


# --- through the workflow -------------------------------------------------------------------------------------------


def _published(project: Path, value: float) -> None:
    rows = ["dataset,method,variant,metric,value,source,verified", f"Tagged,kNN,single,P@1,{value},a page,seen"]
    (project / "published/tagged.csv").write_text("\n".join([*rows, ""]))


def _planted(folder: Path) -> dict[str, Path]:
    """60 documents with two labels, two features that determine the labels, and two splits of 45 and 15."""
    rng = np.random.default_rng(0)
    labels = np.eye(2)[rng.integers(0, 2, 60)]
    write(folder / "tagged.arff", sparse(np.hstack([labels, labels * 3 + 0.1])), "'tagged: -C 2'")
    splits = np.array([rng.permutation(60) + 1 for _ in range(2)]).T
    for name, rows in (("trn.txt", splits[:45]), ("tst.txt", splits[45:])):
        np.savetxt(folder / name, rows, fmt="%d")
    return {name: folder / name for name in ("tagged.arff", "trn.txt", "tst.txt")}


def test_downloaded_splits_are_run_and_their_mean_is_judged(server: Server, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    files = []
    for name, path in _planted(tmp_path).items():
        body = path.read_bytes()
        files.append({"url": server.add(Page(body)), "sha256": sha(body), "name": name})
    splits = {"count": 2, "trn": "trn.txt", "tst": "tst.txt"}
    source = {"splits": splits, "mirrors": [{"files": files, "layout": "arff"}]}
    definition = {"title": "Tagged", "published_as": "Tagged", "source": source, "expected": {"documents_tst": 15}}
    (project / "datasets/tagged.yaml").write_text(yaml.safe_dump(definition))
    _published(project, 99.9)
    target = {"datasets": ["tagged"], "methods": ["voting"]}
    voting = {"title": "Voting", "published_as": "kNN", "implementation": "knn", "members": {"single": {}}}
    (project / "methods/voting.yaml").write_text(yaml.safe_dump(voting))
    (project / "mine.yaml").write_text(yaml.safe_dump({"targets": {"tagged": target}}))
    tables = "results/targets/tagged/tables"
    snakemake(project, "--quiet", "rules", "--configfile", "mine.yaml", "--", f"{tables}/verdicts.csv")
    for number in range(2):
        run = f"results/tagged/split{number}/voting/single/seed{number}"
        assert read_json(project / run / "metrics.json")["accuracy"]["P@1"] == 100
    judged = [line for line in (project / tables / "verdicts.csv").read_text().splitlines() if ",voting," in line]
    assert len(judged) == 1 and ",100.0,0.0,2," in judged[0]
    assert "over splits" in (project / tables / "verdicts.md").read_text()
