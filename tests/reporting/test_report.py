"""The HTML page and the figures: markup in data is shown and never run, and missing data are tolerated."""

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
from lightxml_core.files import save_csr, write_json, write_text
from lightxml_core.reporting.figures import drawing, negatives, training
from lightxml_core.reporting.figures.catalogue import KINDS
from lightxml_core.reporting.figures.drawing import write_figures
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.page import documents, report
from lightxml_core.reporting.page.documents import sample_documents, top_labels
from lightxml_core.reporting.page.report import embedded_json, write_report
from lightxml_core.reporting.published import PublishedCurve
from lightxml_core.reporting.runs import Group, Result, groups_of, leading, one_per_backbone
from lightxml_core.reporting.tables import read_tables
from lightxml_core.selection import Run
from tests.helpers.reporting import EVIL, NAME, chosen, evil_selection, grid_selection, render


class Page(HTMLParser):
    """Collects tags, scripts, everything that could load a resource, and the text outside scripts."""

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
    assert page.tags.count("table") == 7, "a table without rows is left out"
    assert page.tags.count("img") == 3, "and so is a figure without data"
    assert not any("alert" in script for script in page.scripts[1:])
    assert EVIL in page.words
    (data,) = json.loads(page.scripts[0])
    assert data["documents"][0]["t"] == f"first {EVIL}"
    assert NAME in data["labels"]
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


def test_documents_are_shown_with_true_and_best_labels(selection: dict[str, Any]) -> None:
    (data,) = sample_documents(chosen(selection))
    names = data["labels"]

    def shown(n: int) -> tuple[list[str], list[tuple[str, float]]]:
        entry = data["documents"][n]
        (row,) = entry["p"]
        pairs = zip(row[::2], row[1::2], strict=True)
        return [names[label] for label in entry["y"]], [(names[label], score) for label, score in pairs]

    assert shown(0) == (["zero"], [("zero", 0.9), (NAME, 0.2), ("two", 0.2)])
    assert shown(1) == ([NAME, "two"], [("two", 0.6), ("zero", 0.1)])
    assert shown(2) == ([], [])
    assert data["documents"][1]["t"] == "second\x0btext"
    assert (data["total"], len(data["documents"])) == (4, 4)


def test_documents_are_sampled_over_the_whole_test_set(
    selection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 2)
    (data,) = sample_documents(chosen(selection))
    assert [(entry["n"], entry["t"]) for entry in data["documents"]][1] == (3, "fourth")
    assert (data["total"], len(data["documents"])) == (4, 2)


def test_top_labels_breaks_ties_by_label() -> None:
    scores = sparse.csr_matrix(([0.5, 0.5, 0.7, 0.5], ([0, 0, 0, 0], [3, 1, 2, 0])), shape=(1, 5))
    scores.sort_indices()
    assert top_labels(scores, 0, 3) == [(2, 0.7), (0, 0.5), (1, 0.5)]


def test_equal_input_gives_equal_bytes(selection: dict[str, Any], tmp_path: Path) -> None:
    first = render(selection, tmp_path)
    write_report(
        chosen(selection), read_tables(tmp_path / "tables.json"), tmp_path / "figures", tmp_path / "again.html"
    )
    assert (tmp_path / "again.html").read_text("utf-8") == first


def test_a_bag_of_words_has_no_documents_to_show(selection: dict[str, Any], tmp_path: Path) -> None:
    write_json(tmp_path / "corpus" / "stats.json", {"documents_tst": 4, "labels": 3, "texts": False})
    write_text(tmp_path / "corpus" / "X.tst.txt", "")
    assert sample_documents(chosen(selection)) == []


def test_damaged_documents_are_named(selection: dict[str, Any], tmp_path: Path) -> None:
    write_text(tmp_path / "corpus" / "X.tst.txt", "only one\n")
    with pytest.raises(InputError, match=r"X\.tst\.txt has fewer lines"):
        sample_documents(chosen(selection))
    save_csr(tmp_path / "run" / "predictions.npz", sparse.csr_matrix((4, 2), dtype=np.float32))
    with pytest.raises(InputError, match=r"predictions\.npz is \(4, 2\)"):
        sample_documents(chosen(selection))


def test_a_page_without_documents_logs_or_runs(selection: dict[str, Any], tmp_path: Path) -> None:
    selection["runs"] = []
    for path in (tmp_path / "corpus").iterdir():
        path.unlink()
    page = Page(render(selection, tmp_path))
    assert json.loads(page.scripts[0]) == []


def test_only_a_published_figure_is_shown_below_the_cell() -> None:
    cells = ["84.31 ± 0.21 [84.60†‡]", "not run [84.60§]", "layers [1, 2]", "[x] 3", "Bills [2024]", "[2024]"]
    html = Table("t", ["a"] * 6, [cells], "llllll").html()
    assert "<td class=l>84.31 ± 0.21<span class=print>[84.60†‡]</span></td>" in html
    assert "<td class=l>not run<span class=print>[84.60§]</span></td>" in html
    assert "".join(f"<td class=l>{cell}</td>" for cell in cells[2:]) in html


def test_the_page_opens_with_the_main_table_and_its_verdicts(selection: dict[str, Any], tmp_path: Path) -> None:
    render(selection, tmp_path)
    handed = {"comparison": read_tables(tmp_path / "tables.json")["comparison"]}
    for name, rows in (("single", [["s"]]), ("main", [["m"]]), ("ablations", []), ("verdicts", [["v"]])):
        handed[name] = [Table(f"Table {name}", ["method"], rows, "l")]
    write_report(chosen(selection), handed, tmp_path / "figures", tmp_path / "again.html")
    page = (tmp_path / "again.html").read_text("utf-8")
    places = [
        page.index(words) for words in ("<h3>Table main", "<h3>Table verdicts", 'id="datasets"', "<h3>Table single")
    ]
    assert places == sorted(places)
    assert page.index('id="methods"') < page.index('id="figures"') < page.index('id="browser"')
    assert "Table ablations" not in page, "a table without rows is left out"
    assert page.index("precision, reproduced and [published]") > places[2], "the comparison is among the other tables"


def test_methods_and_datasets_are_described_by_their_definitions(selection: dict[str, Any], tmp_path: Path) -> None:
    selection["methods"]["linear"] |= {
        "note": "It is <linear>.",
        "differs": [{"what": "two passes, not five", "datasets": ["toy"]}],
    }
    selection["datasets"]["toy"]["licence"] = "CC BY 4.0 & more"
    page = Page(render(selection, tmp_path))
    assert all(
        words in page.words for words in ("It is <linear>.", "two passes, not five (on toy)", "CC BY 4.0 & more")
    )


def test_every_dataset_has_only_figures_with_data(tmp_path: Path) -> None:
    selection = grid_selection(tmp_path, ["one", "two"], {"deep": ["dynamic", "random"], "plain": ["single"]})
    selection["runs"] = [run for run in selection["runs"] if (run["dataset"], run["method"]) != ("two", "deep")]
    for path in tmp_path.glob("two/plain/single/training.jsonl"):
        path.unlink()
    write_figures(chosen(selection), [], tmp_path / "figures")
    drawn = {path.stem for path in (tmp_path / "figures").iterdir()}
    kinds = {kind.name for kind in KINDS if not kind.over_datasets}
    assert drawn == {f"{n}-one" for n in kinds} | {f"{n}-two" for n in kinds - {"training", "negatives"}}


def test_ranks_are_drawn_once_over_all_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = [kind for kind in KINDS if kind.over_datasets]
    monkeypatch.setattr(drawing, "KINDS", ranks)
    monkeypatch.setattr(report, "KINDS", ranks)
    rows = grid_selection(tmp_path, ["one", "two"], {"deep": ["single"], "plain": ["single"]})
    text = render(rows, tmp_path)
    assert (tmp_path / "figures/ranks.svg").is_file() and not list((tmp_path / "figures").glob("ranks-*"))
    assert text.count("<h3>Ranks</h3>") == 1


def test_among_many_runs_only_members_of_ensembles_are_left_out() -> None:
    def group(method: str, variant: str, backbone: str = "bert") -> Group:
        member = None if variant == "ensemble" else variant
        run = Run("d", method, variant, 0, Path(), member, "clean", backbone)
        return Group("d", method, variant, "clean", (Result(run),))

    members = [group("deep", f"{backbone}-{n}", backbone) for backbone in ("bert", "xlnet") for n in range(4)]
    few = [*members, group("deep", "ensemble"), group("tree", "single")]
    assert leading(few) == few and one_per_backbone(few) == few
    many = [*few, group("parts", "a"), group("parts", "b")]
    assert [(g.method, g.variant) for g in leading(many)] == [
        ("deep", "ensemble"), ("tree", "single"), ("parts", "a"), ("parts", "b")
    ]  # fmt: skip
    assert [g.variant for g in one_per_backbone(many)] == ["bert-0", "xlnet-0", "ensemble", "single", "a", "b"]


def test_negatives_are_compared_only_where_nothing_else_differs(tmp_path: Path) -> None:
    selection = grid_selection(tmp_path, ["one"], {"deep": ["dynamic", "random", "wide"]})
    groups = groups_of(chosen(selection))
    with_others = negatives.draw(chosen(selection), "one", groups)
    assert with_others is not None and len(with_others.axes[0].lines) == 2
    assert negatives.draw(chosen(selection), "one", [group for group in groups if group.variant != "random"]) is None
    elsewhere = [{**run, "dataset": "two", "settings": {"lr": n}} for n, run in enumerate(selection["runs"])]
    selection["datasets"]["two"] = selection["datasets"]["one"]
    selection["runs"] += elsewhere
    again = negatives.draw(chosen(selection), "one", groups)
    assert again is not None and len(again.axes[0].lines) == 2, "what another dataset's runs are set to is beside it"


def test_training_shows_losses_of_both_heads_and_precisions(tmp_path: Path) -> None:
    selection = grid_selection(tmp_path, ["one"], {"deep": ["dynamic"]})
    figure = training.draw(chosen(selection), "one", groups_of(chosen(selection)))
    assert figure is not None
    assert [axes.get_title() for axes in figure.axes] == [
        "training loss", "loss of the recall head", "loss of the rank head",
        "validation P@1 (%)", "validation P@3 (%)", "validation P@5 (%)",
    ]  # fmt: skip
    assert figure.axes[4].lines[0].get_xydata().tolist() == [[900.0 * n, 40.0 + n] for n in range(4)]


def test_published_curves_are_drawn_beside_the_validation_of_their_dataset(tmp_path: Path) -> None:
    """An epoch of the published training is one pass over the training documents."""
    selection = chosen(grid_selection(tmp_path, ["one"], {"deep": ["dynamic"]}, documents=40))
    curves = [PublishedCurve("One", "LightXML", "bert", metric, (1, 3), (20.5, 60.0)) for metric in ("P@1", "nDCG@1")]
    figure = training.draw(selection, "one", groups_of(selection), curves)
    assert figure is not None
    drawn = {axes.get_title(): [line.get_xydata().tolist() for line in axes.lines] for axes in figure.axes}
    assert drawn["validation P@1 (%)"][1:] == [[[40.0, 20.5], [120.0, 60.0]]]
    assert all(len(lines) == 1 for title, lines in drawn.items() if title != "validation P@1 (%)")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["Deep", "LightXML, bert (published, test documents)"]


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
    write_figures(chosen(selection), [], tmp_path / "a")
    lines += ['{"kind": "step", "step": 4, "loss": 0.5}', '{"kind": "epoch", "step": 4, "validation": {"P@1": 9.0}}']
    write_text(tmp_path / "run" / "training.jsonl", "\n".join(lines))
    write_figures(chosen(selection), [], tmp_path / "b")
    assert not (tmp_path / "a" / "training.svg").exists() and (tmp_path / "b" / "training.svg").exists()
