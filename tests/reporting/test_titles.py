"""Titles that are equal, similar or have any character: no row is lost, labels are distinct and unchanged."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lightxml_core.files import write_text
from lightxml_core.reporting.figures import calibration, fonts, precision
from lightxml_core.reporting.figures.catalogue import KINDS
from lightxml_core.reporting.figures.drawing import load_draw
from lightxml_core.reporting.figures.style import STYLE, save
from lightxml_core.reporting.markup import tex_file
from lightxml_core.reporting.page.documents import sample_documents
from lightxml_core.reporting.page.report import write_report
from lightxml_core.reporting.published import load_published
from lightxml_core.reporting.runs import groups_of, of_dataset
from lightxml_core.reporting.tables import read_tables
from lightxml_core.reporting.terminal import terminal_table
from lightxml_core.reporting.titles import made_distinct, title_of, titles_of, width
from lightxml_core.selection import MethodInfo
from tests.helpers.reporting import check_latex, chosen, grid_selection, results, written

SAME = "Same"
METHODS = {"deep": ["bert", "ensemble-a", "ensemble"], "deep-b": ["bert", "roberta", "ensemble"], "flat": ["single"]}
METHODS |= {name: ["dynamic", "random", "all"] for name in ("parts", "parts-b")}
PUBLISHED = (  # figures of methods whose names equal those of files here
    "dataset,method,variant,metric,value,source,verified\n"
    "Printed,deep,ensemble,P@1,80,a paper,seen\n"
    "Printed,parts,single,P@1,80,a paper,seen\n"
)
TABLES = ("comparison", "verdicts", "datasets", "cost", "settings")
ODD = ["a|b_c 50% & <x>", "$x_1$ $2", "\"quoted\", 'too'; {z}", "two\nlines\tand \x1b[31mmore", "#1 *bold* [x](y) ~^\\"]
ODD += ["AT&amp;T", "Bills [2024]", "_private", "=1+2", "--> <!-- </script>", "P@1", "method", "客服工单 テスト"]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Two datasets and five methods, all with the same title; two methods are ablations."""
    root = tmp_path_factory.mktemp("same")
    selection = grid_selection(root, ["one", "two"], METHODS, documents=20)
    for entry in (*selection["datasets"].values(), *selection["methods"].values()):
        entry["title"] = SAME
    for name, base in (("parts", "base"), ("parts-b", "base-b")):
        selection["methods"][name] |= {"base": base, "base_title": SAME}
    selection["datasets"]["one"]["published_as"] = selection["datasets"]["two"]["published_as"] = "Printed"
    selection["methods"]["deep"]["published_as"] = selection["methods"]["deep-b"]["published_as"] = "deep"
    write_text(root / "published" / "main.csv", PUBLISHED)
    written(results(selection, load_published(root / "published")), root)
    return selection, root


def _read(root: Path, name: str) -> Any:
    return pd.read_csv(root / "tables" / f"{name}.csv", dtype=str, keep_default_na=False)


def test_no_table_loses_a_run(planted: tuple[dict[str, Any], Path]) -> None:
    selection, root = planted
    runs = [(run["dataset"], run["method"], run["variant"]) for run in selection["runs"]]
    wide = read_tables(root / "tables.json")["comparison"]
    shown = [(table.title, *row[:2]) for table in wide for row in table.rows if not row[2].startswith("not run")]
    assert len(set(shown)) == len(shown) == len(runs)
    heads = ["Same (one)", "Same (two)"]
    rows = []
    for name in ("main", "single"):
        frame = _read(root, name)
        assert list(frame.columns) == ["table", "method", "variant", "protocol", *heads]
        ran = frame[(frame.protocol != "not run") & frame.table.str.endswith("P@1")]
        assert not ran.duplicated(["method", "variant"]).any()
        rows += list(zip(ran.method, ran.variant, strict=True))
        assert ran[heads].map(lambda cell: bool(re.match(r"\d", cell))).all().all()
    assert len(set(rows)) == 7, "all that are no ablations"
    ablations = _read(root, "ablations")
    assert len(ablations) == 2 * 6 and not ablations.duplicated(["table", "variant"]).any()
    assert ablations.table.nunique() == 4
    members = [run for run in runs if run[2] != "ensemble"]
    (settings,) = read_tables(root / "tables.json")["settings"]
    assert len({tuple(row[:3]) for row in settings.rows}) == len(settings.rows) == len(members)
    long = _read(root, "comparison")[["dataset", "method", "variant"]]
    assert {*runs} <= {*long.itertuples(index=False, name=None)}


def test_bases_with_equal_titles_are_made_distinct(planted: tuple[dict[str, Any], Path]) -> None:
    tables = read_tables(planted[1] / "tables.json")["ablations"]
    assert {table.notes[0].split(".")[0] for table in tables} == {f"Variants of Same (base{x})" for x in ("", "-b")}


def test_a_published_method_is_not_taken_for_its_namesakes_file(planted: tuple[dict[str, Any], Path]) -> None:
    cost = _read(planted[1], "single")
    printed = cost[cost.protocol == "not run"]
    assert set(printed.method) == {"parts"} and set(_read(planted[1], "main").method) == {
        *("Same (deep)", "Same (deep-b)", "Same (flat)")
    }


def test_terminal_report_and_figures_label_each_run_distinctly(
    planted: tuple[dict[str, Any], Path],
) -> None:
    selection, root = planted
    blocks = terminal_table(chosen(selection)).split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == ["Same (one)", "Same (two)"]
    for block in blocks:
        names = [line[:36] for line in block.split("\n") if re.search(r"\d\.\d\d", line)]
        assert len(set(names)) == len(names) == 13
    documents = sample_documents(chosen(selection))
    assert [shown["title"] for shown in documents] == ["Same (one)", "Same (two)"]
    assert all(len({*shown["columns"]}) == len(shown["columns"]) == 9 for shown in documents)
    (root / "figures").mkdir()
    read, tables = chosen(selection), read_tables(root / "tables.json")
    write_report(read, {name: tables[name] for name in TABLES}, root / "figures", root / "r.html")
    headings = re.findall("<h3>(.*?)</h3>", (root / "r.html").read_text("utf-8"))
    assert {*titles_of(read.datasets).values(), *titles_of(read.methods).values()} <= {*headings}
    assert len({*headings}) == len(headings)
    drawn = [*_drawn(selection, "two")]
    assert len(drawn) == len([kind for kind in KINDS if not kind.over_datasets])
    for figure in drawn:
        texts = _words(figure)
        assert len({*texts}) == len(texts) and "Same (two)" in texts


def _drawn(selection: dict[str, Any], dataset: str) -> Iterator[Figure]:
    groups = of_dataset(groups_of(chosen(selection)), dataset)
    for kind in (kind for kind in KINDS if not kind.over_datasets):
        figure = load_draw(kind)(chosen(selection), dataset, groups)
        if figure is not None:
            yield figure


def _words(figure: Figure) -> list[str]:
    """The title, the legend's entries and the labels beside the bars."""
    legends = [legend for part in (figure, *figure.axes) for legend in [*getattr(part, "legends", []), _legend(part)]]
    words = [text.get_text() for legend in filter(None, legends) for text in legend.get_texts()]
    words += [tick.get_text() for axes in figure.axes for tick in axes.get_yticklabels() if "Same" in tick.get_text()]
    title = figure.get_suptitle() or figure.axes[0].get_title(loc="left") or figure.axes[0].get_title()
    return [*words, title]


def _legend(part: Any) -> Any:
    return part.get_legend() if hasattr(part, "get_legend") else None


def test_combined_titles_that_coincide_are_made_distinct(tmp_path: Path) -> None:
    selection = grid_selection(tmp_path, ["one", "two"], {"a": ["x", "y"], "b": ["single"], "c": ["x", "y"]}, 20)
    selection["methods"]["a"]["title"], selection["methods"]["b"]["title"] = "Net", "Net, x"
    selection["methods"]["c"]["title"] = "Net on One"
    selection["datasets"]["one"]["title"], selection["datasets"]["two"]["title"] = "One on Two", "Two"
    for name in ("a", "c"):
        selection["methods"][name] |= {"base": "a", "base_title": "Net"}
    write_text(tmp_path / "published" / "main.csv", PUBLISHED)
    written(results(selection, load_published(tmp_path / "published")), tmp_path)
    assert _read(tmp_path, "ablations").table.nunique() == 4  # "Net on One on Two" was two of them
    for figure in _drawn({**selection, "runs": selection["runs"][:5]}, "one"):
        words = _words(figure)
        assert len({*words}) == len(words)


NAMES = st.text("ab-", min_size=1, max_size=3)
TITLES = st.text("aA \n\u200b()bＡ", max_size=5)


@given(st.dictionaries(NAMES, TITLES, max_size=6), st.lists(TITLES, max_size=2))
def test_made_distinct(titles: dict[str, str], taken: list[str]) -> None:
    entries = {name: MethodInfo(title=title) for name, title in titles.items()}
    shown = titles_of(entries, taken)
    assert list(shown) == list(titles)
    assert len({" ".join(text.split()).casefold() for text in shown.values()}) == len(titles)
    assert not {*shown.values()} & {text for text in taken if text.strip()}
    assert all(title_of(entries, name) == text for name, text in titles_of(entries).items())
    again = made_distinct(dict.fromkeys(titles, "x"))
    assert all(text == (f"x ({name})" if len(titles) > 1 else "x") for name, text in again.items())


@pytest.mark.parametrize("title", ODD)
def test_every_character_of_a_title_is_preserved(title: str, tmp_path: Path) -> None:
    """This holds in Markdown, CSV, LaTeX, HTML and the terminal, also for a title equal to a column's heading."""
    shown = " ".join(title.replace("\x1b", "").split())
    selection = grid_selection(tmp_path, ["one", "two"], {"flat": ["single"]}, 10)
    selection["datasets"]["one"]["title"] = selection["methods"]["flat"]["title"] = title
    write_text(tmp_path / "published" / "main.csv", PUBLISHED)
    written(results(selection, load_published(tmp_path / "published")), tmp_path)
    tables = read_tables(tmp_path / "tables.json")
    main, *_ = tables["main"]
    (row,) = main.rows
    head = "method (one)" if shown == "method" else shown
    assert (row[0], main.headers[3:]) == (shown, [head, "Two"])
    frame = _read(tmp_path, "main")
    assert list(frame.columns)[4:] == [head, "Two"] and set(frame["method"]) == {shown}
    for name in tables:
        check_latex((tmp_path / "tables" / f"{name}.tex").read_text("utf-8"))
    assert f"<td class=l>{escape(shown)}</td>" in main.html() or len(shown) > 40
    assert terminal_table(chosen(selection)).startswith(f"{shown} (one)\n")


def test_latex_states_the_packages_it_needs(planted: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    (table, *_) = read_tables(planted[1] / "tables.json")["cost"]
    for title, needed in (("plain", "}\n"), ("é", "[T1]{fontenc}\n"), ("客服", "% needs xelatex")):
        table = type(table)(title, ["a"], [["b"]], "l")
        assert needed in tex_file([table]).split(r"\begin")[0], title


def test_the_terminal_keeps_long_and_wide_names_apart(tmp_path: Path) -> None:
    selection = grid_selection(tmp_path, ["one"], {"net-a": ["single"], "net-b": ["single"], "flat": ["single"]}, 10)
    for name in ("net-a", "net-b"):
        selection["methods"][name]["title"] = f"A network of a very long title indeed, variation {name}"
    selection["methods"]["flat"]["title"] = "客服工单"
    rows = terminal_table(chosen(selection)).split("\n")[3:6]
    assert [row.split()[0] for row in rows] == ["net-a", "net-b", "flat"]
    selection["methods"]["net-b"]["title"] = "Network b"
    rows = terminal_table(chosen(selection)).split("\n")[3:6]
    assert rows[0].startswith("A network of a very l… ") and len({*map(width, rows)}) == 1
    named = {"net-" + letter * 50: {"title": "N"} for letter in ("a", "b")}
    runs = [{**selection["runs"][0], "method": name[:50] + name[-1]} for name in named]
    methods = {run["method"]: {"title": "N" * 50} for run in runs}
    rows = terminal_table(chosen({**selection, "methods": methods, "runs": runs})).split("\n")[3:5]
    assert len({row[:60] for row in rows}) == 2, "a row too wide rather than two alike"


def test_a_rival_is_identified_by_its_name_not_its_title(tmp_path: Path) -> None:
    methods = {"net": ["a", "b", "ensemble"], "mine": ["single"], "parabel-deep": ["single"]}
    selection = grid_selection(tmp_path, ["one"], methods, 10)
    selection["methods"]["net"]["implementation"] = "lightxml"
    selection["methods"]["mine"]["title"] = selection["methods"]["parabel-deep"]["title"] = "Like Parabel"
    for run in selection["runs"]:
        best = {"mine": 99.0, "parabel-deep": 98.0}.get(run["method"], 50.0)
        write_text(Path(run["path"]) / "metrics.json", json.dumps({"accuracy": {"P@1": best}}))
    assert "points below Like Parabel (parabel-deep) (98.00)" in " ".join(terminal_table(chosen(selection)).split())


# --- fonts ----------------------------------------------------------------------------------------------------------

GEORGIAN = "ქართული"  # DejaVu Sans, which comes with matplotlib, has these characters; the fonts named below do not


@pytest.fixture
def georgian(tmp_path: Path) -> dict[str, Any]:
    selection = grid_selection(tmp_path, ["one"], {"flat": ["single"], "flat-b": ["single"]}, 10)
    selection["datasets"]["one"]["title"] = selection["methods"]["flat"]["title"] = GEORGIAN
    selection["methods"]["flat-b"]["title"] = "flat"
    return selection


def _svg(selection: dict[str, Any], stem: Path) -> str:
    """The SVG of a figure drawn without a warning; a comment has the text of the outlines that follow."""
    with warnings.catch_warnings(), mpl.rc_context({"font.family": "STIXGeneral"}):
        warnings.simplefilter("error")
        shown, families = fonts.drawable(chosen(selection))
        with mpl.rc_context({**STYLE, "font.family": families}):
            figure = precision.draw(shown, "one", groups_of(shown))
            assert figure is not None
            save(figure, stem)
    return stem.with_suffix(".svg").read_text("utf-8")


def test_characters_missing_in_the_default_font_use_an_installed_font(georgian: dict[str, Any], tmp_path: Path) -> None:
    assert _svg(georgian, tmp_path / "a").count(f"<!-- {GEORGIAN} -->") == 2


def test_without_such_a_font_the_name_replaces_the_title(
    georgian: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no warning."""
    monkeypatch.setattr(fonts, "_installed", dict)
    georgian["runs"][1]["variant"] = "single, ქარ vectors"
    georgian["runs"].append({**georgian["runs"][1], "variant": "other"})
    svg = _svg(georgian, tmp_path / "a")
    shown = re.findall("<!-- (.*?) -->", svg)
    assert GEORGIAN not in svg
    assert {"one", "flat (flat)", "flat (flat-b)", "single, ??? vectors", "other"} <= {*shown}
    assert not caplog.records


def test_figures_truncate_long_titles_and_keep_them_distinct(tmp_path: Path) -> None:
    selection = grid_selection(tmp_path, ["one"], {"flat": ["single"], "flat-b": ["single"]}, 10)
    for name, entry in selection["methods"].items():
        entry["title"] = "word " * 60 + name
    shown = re.findall("<!-- (word.*?) -->", _svg(selection, tmp_path / "a"))
    assert len({*shown}) == 2 and all(len(text) < 60 for text in shown)


def test_titles_with_an_underscore_appear_in_the_legend(tmp_path: Path) -> None:
    selection = grid_selection(tmp_path, ["one"], {"flat": ["single"], "flat-b": ["single"]}, 20)
    selection["methods"]["flat"]["title"] = "_private"
    drawn = calibration.draw(chosen(selection), "one", groups_of(chosen(selection)))
    assert drawn is not None and _words(drawn)[:3] == ["perfectly calibrated", "_private", "Flat-B"]
