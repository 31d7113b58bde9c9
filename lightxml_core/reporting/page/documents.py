"""The test documents that the report shows: text, true labels, each method's first labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from lightxml_core.corpus.lines import read_lines
from lightxml_core.corpus.store import load_label_names
from lightxml_core.errors import InputError
from lightxml_core.files import load_csr, unchanged
from lightxml_core.reporting.features import has_texts
from lightxml_core.reporting.runs import Group, groups_of, leading, of_dataset
from lightxml_core.reporting.titles import labels, title_of
from lightxml_core.selection import DatasetInfo, Selection

MAX_DOCUMENTS = 5000
MAX_CHARACTERS = 1200
TOP = 5


def sample_documents(selection: Selection) -> list[dict[str, Any]]:
    """One JSON-ready entry per dataset with test texts; at most `MAX_DOCUMENTS` documents over all of them.

    Keys: title, total, columns (names of the method and variant), labels (their names), documents; a document is
    {n: row, t: text, y: [label index], p: one [label index, score, ...] per column}, best score first. The documents
    are spread evenly over the test set. Only the first seed of each method and variant is shown, and of many methods
    and variants only those that the figures show.
    """
    groups = groups_of(selection)
    stored = [n for n, entry in selection.datasets.items() if (_corpus(entry) / "X.tst.txt").is_file()]
    present = [n for n in stored if has_texts(selection, n)]  # the file is empty beside a bag of words
    share = MAX_DOCUMENTS // max(1, len(present))
    return [_dataset(selection, name, of_dataset(groups, name), share) for name in present]


def top_labels(scores: sparse.csr_matrix, row: int, count: int = TOP) -> list[tuple[int, float]]:
    """The `count` best labels of one row with their scores; equal scores in the order of the label ids."""
    start, end = scores.indptr[row : row + 2]
    labels, values = scores.indices[start:end], scores.data[start:end]
    order = np.lexsort((labels, -values))[:count]
    return [(int(labels[i]), float(values[i])) for i in order]


def _corpus(entry: DatasetInfo) -> Path:
    return entry.stats.parent


def _dataset(selection: Selection, name: str, groups: list[Group], share: int) -> dict[str, Any]:
    entry = selection.datasets[name]
    truth = load_csr(unchanged(_corpus(entry) / "Y.tst.npz"))
    shown = [group for group in leading(groups) if (group.results[0].run.path / "predictions.npz").is_file()]
    scores = [_predictions(group, truth.shape) for group in shown]
    rows = np.unique(np.linspace(0, max(truth.shape[0] - 1, 0), min(share, truth.shape[0])).astype(int)).tolist()
    texts = _lines(_corpus(entry) / "X.tst.txt", rows)
    used: dict[int, int] = {}
    documents = [_document(n, text, truth, scores, used) for n, text in zip(rows, texts, strict=True)]
    names = load_label_names(_corpus(entry))
    return {
        "title": title_of(selection.datasets, name),
        "total": truth.shape[0],
        "columns": labels(selection, shown, " · ", brief=False),
        "labels": [names[label] for label in used],
        "documents": documents,
    }


def _document(
    n: int, text: str, truth: sparse.csr_matrix, scores: list[sparse.csr_matrix], used: dict[int, int]
) -> dict[str, Any]:
    """`used` numbers the labels in the order of their first appearance and grows here."""
    true = truth.indices[truth.indptr[n] : truth.indptr[n + 1]][truth.data[truth.indptr[n] : truth.indptr[n + 1]] > 0]
    cut = text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + " …"
    predicted = []
    for matrix in scores:
        best = top_labels(matrix, n)
        predicted.append([x for label, score in best for x in (used.setdefault(label, len(used)), round(score, 4))])
    return {"n": n, "t": cut, "y": [used.setdefault(int(label), len(used)) for label in np.sort(true)], "p": predicted}


def _predictions(group: Group, shape: tuple[int, int]) -> sparse.csr_matrix:
    path = group.results[0].run.path / "predictions.npz"
    scores = load_csr(unchanged(path))
    if scores.shape != shape:
        raise InputError(f"{path} is {scores.shape}, but the test labels are {shape}: predict again")
    return scores


def _lines(path: Path, rows: list[int]) -> list[str]:
    """The lines of the given, ascending numbers; only a line feed ends a line."""
    wanted = set(rows)
    found = [line for n, line in enumerate(read_lines(unchanged(path))) if n in wanted]
    if len(found) != len(rows):
        raise InputError(f"{path} has fewer lines than Y.tst.npz has rows: prepare the corpus again")
    return found
