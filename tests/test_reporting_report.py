"""The HTML page and the figures: what data say is shown, never run, and missing data never stop the page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.files import save_csr, write_text
from lightxml_core.reporting import documents
from lightxml_core.reporting.documents import sample_documents, top_labels
from lightxml_core.reporting.figures import write_figures
from lightxml_core.reporting.report import embedded_json, write_report
from tests.reporting import EVIL, evil_selection, render


class Page(HTMLParser):
    """Collects tags, scripts, everything that could load something, and the text outside of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.scripts += [""] * (tag == "script")
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script" and self.cdata_elem:
            self.scripts[-1] += data
        else:
            self.words += data


@pytest.fixture
def selection(tmp_path: Path) -> dict[str, Any]:
    return evil_selection(tmp_path)


def test_markup_in_data_is_shown_and_never_run(selection: dict[str, Any], tmp_path: Path) -> None:
    page = Page(render(selection, tmp_path))
    assert page.tags.count("script") == 2
    assert page.tags.count("table") == 5
    assert page.tags.count("img") == 9
    assert not any("alert" in script for script in page.scripts[1:])
    assert EVIL in page.words
    (data,) = json.loads(page.scripts[0])
    assert data["documents"][0]["t"] == f"first {EVIL}"
    assert EVIL in data["labels"]
    assert "<" not in page.scripts[0]
    assert "\u2028" not in page.scripts[0]


def test_the_page_needs_nothing_from_elsewhere(selection: dict[str, Any], tmp_path: Path) -> None:
    text = render(selection, tmp_path)
    assert all(link.startswith(("data:", "#")) for link in Page(text).links)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|innerHTML", text)
    assert "default-src 'none'" in text


def test_embedded_json_reads_back_the_same() -> None:
    value = {"a": EVIL, "b": ["<", ">", "&", "\u2029", "\\u003c"]}
    assert json.loads(embedded_json(value)) == value
    assert not set("<>&\u2028\u2029") & set(embedded_json(value))


def test_documents_carry_truth_and_best_labels(selection: dict[str, Any]) -> None:
    (data,) = sample_documents(selection)
    names = data["labels"]

    def shown(n: int) -> tuple[list[str], list[tuple[str, float]]]:
        entry = data["documents"][n]
        (row,) = entry["p"]
        pairs = zip(row[::2], row[1::2], strict=True)
        return [names[label] for label in entry["y"]], [(names[label], score) for label, score in pairs]

    assert shown(0) == (["zero"], [("zero", 0.9), (EVIL, 0.2), ("two", 0.2)])
    assert shown(1) == ([EVIL, "two"], [("two", 0.6), ("zero", 0.1)])
    assert shown(2) == ([], [])
    assert data["documents"][1]["t"] == "second\x0btext"
    assert (data["total"], len(data["documents"])) == (4, 4)


def test_documents_are_sampled_over_the_whole_test_set(
    selection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 2)
    (data,) = sample_documents(selection)
    assert [(entry["n"], entry["t"]) for entry in data["documents"]][1] == (3, "fourth")
    assert (data["total"], len(data["documents"])) == (4, 2)


def test_top_labels_breaks_ties_by_label() -> None:
    scores = sparse.csr_matrix(([0.5, 0.5, 0.7, 0.5], ([0, 0, 0, 0], [3, 1, 2, 0])), shape=(1, 5))
    scores.sort_indices()
    assert top_labels(scores, 0, 3) == [(2, 0.7), (0, 0.5), (1, 0.5)]


def test_equal_input_gives_equal_bytes(selection: dict[str, Any], tmp_path: Path) -> None:
    first = render(selection, tmp_path)
    write_report(selection, tmp_path / "tables", tmp_path / "figures", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text("utf-8") == first


def test_damaged_documents_are_named(selection: dict[str, Any], tmp_path: Path) -> None:
    write_text(tmp_path / "corpus" / "X.tst.txt", "only one\n")
    with pytest.raises(InputError, match=r"X\.tst\.txt has fewer lines"):
        sample_documents(selection)
    save_csr(tmp_path / "run" / "predictions.npz", sparse.csr_matrix((4, 2), dtype=np.float32))
    with pytest.raises(InputError, match=r"predictions\.npz is \(4, 2\)"):
        sample_documents(selection)


def test_a_page_without_documents_logs_or_runs(selection: dict[str, Any], tmp_path: Path) -> None:
    selection["runs"] = []
    for path in (tmp_path / "corpus").iterdir():
        path.unlink()
    page = Page(render(selection, tmp_path))
    assert json.loads(page.scripts[0]) == []


def test_training_log_may_lack_anything(selection: dict[str, Any], tmp_path: Path) -> None:
    lines = [
        '{"kind": "phase", "phase": "warm start"}',
        '{"kind": "step", "step": 1}',
        '{"kind": "step", "step": 2, "loss": NaN}',
        '{"kind": "step", "step": 3, "loss": null}',
        '{"kind": "epoch", "epoch": 0, "validation": {"P@5": 3.0}}',
        '{"kind": "epoch", "step": 3, "validation": null}',
        "[1]",
        '{"kind": "st',
    ]
    write_text(tmp_path / "run" / "training.jsonl", "\n".join(lines))
    write_figures(selection, tmp_path / "a")
    lines += ['{"kind": "step", "step": 4, "loss": 0.5}', '{"kind": "epoch", "step": 4, "validation": {"P@1": 9.0}}']
    write_text(tmp_path / "run" / "training.jsonl", "\n".join(lines))
    write_figures(selection, tmp_path / "b")
    assert (tmp_path / "a" / "training.svg").read_bytes() != (tmp_path / "b" / "training.svg").read_bytes()
