"""The tables with a row per method and variant, against hand-made examples, and their LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lightxml_core.files import write_json, write_text
from lightxml_core.reporting.markup import NOTHING, Table
from lightxml_core.reporting.published import PublishedFigure, load_curves, load_published
from lightxml_core.reporting.tables.catalogue import KINDS
from tests.helpers.project import ROOT
from tests.helpers.reporting import check_latex, evil_selection, results, written

Published = Sequence[PublishedFigure]
TABLES = ("main", "single", "propensity", "ablations", "protocols", "tail")
PUBLISHED = (
    "dataset,method,variant,metric,value,source,verified\n"
    "One,LightXML,ensemble,P@1,90,a paper,recalled\n"
    "One,LightXML,ensemble,P@1,91,a rerun,seen\n"
    "One,LightXML,bert,P@1,88,a paper,derived\n"
    "One,Rival,ensemble,P@1,89,a paper,seen\n"
    "One,Linear,as-published,PSP@1,33,a paper,seen\n"
    "Two,Rival,single,P@1,70,a paper,seen\n"
)
METRICS = {"P@1": 85.0, "PSP@1": 30.0}


@pytest.fixture
def published(tmp_path: Path) -> Published:
    write_text(tmp_path / "published" / "main.csv", PUBLISHED)
    return load_published(tmp_path / "published")


def _selection(root: Path, *runs: tuple[str, str, str, str, float], **methods: dict[str, Any]) -> dict[str, Any]:
    """runs: dataset, method, variant, protocol and P@1, each of one seed unless repeated."""
    rows: list[dict[str, Any]] = []
    for number, (dataset, method, variant, protocol, p1) in enumerate(runs):
        path = root / str(number)
        write_json(path / "metrics.json", {"accuracy": {**METRICS, "P@1": p1}})
        names = {"dataset": dataset, "method": method, "variant": variant, "protocol": protocol}
        seed = sum(all(row[key] == value for key, value in names.items()) for row in rows)
        rows.append({**names, "seed": seed, "backbone": None, "path": str(path), "settings": {"layers": number}})
    datasets = {name: {"title": name.title(), "published_as": name.title(), "stats": "none"} for name in ("one", "two")}
    known = {name: {"title": name, "published_as": None, **about} for name, about in methods.items()}
    return {"target": "t", "datasets": datasets, "methods": known, "runs": rows}


def _tables(selection: dict[str, Any], published: Published) -> dict[str, Sequence[Table]]:
    found = results(selection, published)
    return {kind.name: kind.build(found).tables for kind in KINDS}


def test_published_curves_agree_with_the_published_figures() -> None:
    own = [figure for figure in load_published(ROOT / "published") if figure.dataset == "CVE-libraries"]
    figures = {(figure.variant, figure.metric, figure.source.partition(" (")[2]): figure.value for figure in own}
    curves = {(curve.variant, curve.metric): curve for curve in load_curves(ROOT / "published")}
    assert len(curves) == 9 and {curve.epochs for curve in curves.values()} == {tuple(range(1, 26))}
    for (variant, metric), curve in curves.items():
        by_p5 = curves[variant, "P@5"].values
        assert curve.values[by_p5.index(max(by_p5))] == figures[variant, metric, "best epoch by test P@5)"]
        assert curve.values[-1] == figures[variant, metric, "last epoch)"]


@pytest.fixture
def lightxml(tmp_path: Path) -> dict[str, Any]:
    runs = [("one", "lightxml", "bert", "official", 86.0), ("one", "lightxml", "ensemble", "official", 87.0)]
    runs += [("one", "lightxml", "ensemble", "official", 89.0), ("two", "lightxml", "bert", "official", 60.0)]
    runs += [("one", "fast", "small", "clean", 80.0)]
    return _selection(tmp_path, *runs, lightxml={"published_as": "LightXML"}, fast={})


def test_the_main_table_has_the_final_result_of_every_method(lightxml: dict[str, Any], published: Published) -> None:
    main, *_ = _tables(lightxml, published)["main"]
    assert (main.title, main.headers[3:]) == ("Main comparison: P@1", ["One", "Two"])
    assert main.rows == [
        ["lightxml", "ensemble; bert", "official", "88.00 ± 1.41 [90.00†‡]", "60.00"],
        ["fast", "small", "clean", "80.00", "not run"],
        ["Rival", "ensemble", "not run", "not run [89.00]", "not run"],
    ]
    assert any(note.startswith("† Recalled") for note in main.notes)
    assert "‡ a rerun: lightxml, ensemble One 91.00." in main.notes
    assert "Published: a paper." in main.notes


def test_single_models_are_compared_with_single_models(lightxml: dict[str, Any], published: Published) -> None:
    single, *_ = _tables(lightxml, published)["single"]
    assert [row[:2] + row[3:] for row in single.rows] == [
        ["lightxml", "bert", "86.00 [88.00§]", "60.00"],
        ["fast", "small", "80.00", "not run"],
        ["Rival", "single", "not run", "not run [70.00]"],
    ]


def test_a_model_has_one_row_beside_others_of_its_method(lightxml: dict[str, Any], tmp_path: Path) -> None:
    more = "One,Rival,single,P@1,71,a paper,seen\nOne,Rival,small,P@1,72,a paper,seen\n"
    write_text(tmp_path / "more" / "main.csv", PUBLISHED + more)
    single, *_ = _tables(lightxml, load_published(tmp_path / "more"))["single"]
    rival = [row[1:2] + row[3:] for row in single.rows if row[0] == "Rival"]
    assert rival == [["single", "not run [71.00]", "not run [70.00]"], ["small", "not run [72.00]", "not run"]]


def test_one_dataset_has_a_column_per_metric(lightxml: dict[str, Any], published: Published) -> None:
    del lightxml["datasets"]["two"]
    lightxml["runs"] = [run for run in lightxml["runs"] if run["dataset"] == "one"]
    (main,) = _tables(lightxml, published)["main"]
    assert main.headers == ["method", "variant", "protocol", "P@1", "P@3", "P@5"]
    assert main.rows[0][3:] == ["88.00 ± 1.41 [90.00†‡]", NOTHING, NOTHING]
    (propensity,) = _tables(lightxml, published)["propensity"]
    assert propensity.rows[0][3:] == ["30.00 ± 0.00", NOTHING, NOTHING]
    assert propensity.rows[-1] == ["Linear", "as-published", "not run", "not run [33.00]", "not run", "not run"]


SOURCES = (  # the copy agrees with the paper everywhere, the others differ
    ("LightXML", "a paper", "seen", {"P@1": 90, "P@3": 80, "P@5": 70}),
    ("LightXML", "an echo", "seen", {"P@1": 90, "P@3": 80, "P@5": 70}),
    ("LightXML", "a rerun", "recalled", {"P@1": 91, "P@3": 80, "P@5": 69}),
    ("LightXML", "a note", "derived", {"P@5": 71}),
    ("Rival", "a paper", "seen", {"P@1": 60, "P@3": 50, "P@5": 40}),
    ("Rival", "a rerun", "seen", {"P@1": 61, "P@3": 50, "P@5": 40}),
)


def test_every_source_of_a_figure_is_shown_once(lightxml: dict[str, Any], tmp_path: Path) -> None:
    lines = [
        f"One,{method},ensemble,{metric},{value},{source},{verified}\n"
        for method, source, verified, figures in SOURCES
        for metric, value in figures.items()
    ]
    write_text(tmp_path / "more" / "main.csv", PUBLISHED.split("\n")[0] + "\n" + "".join(lines))
    del lightxml["datasets"]["two"]
    lightxml["runs"] = lightxml["runs"][1:3]
    lightxml["runs"][0]["protocol"] = "clean"  # both protocols have the same published figures
    for run in lightxml["runs"]:
        write_json(Path(run["path"]) / "metrics.json", {"accuracy": {"P@1": 87.0, "P@3": 77.0, "P@5": 67.0}})
    (main,) = _tables(lightxml, load_published(tmp_path / "more"))["main"]
    assert [row[2:] for row in main.rows] == [
        ["clean", "87.00 [90.00‡]", "77.00 [80.00]", "67.00 [70.00‡]"],
        ["official", "87.00 [90.00‡]", "77.00 [80.00]", "67.00 [70.00‡]"],
        ["not run", "not run [60.00‡]", "not run [50.00]", "not run [40.00]"],
    ]
    assert "Published: a paper; an echo; a rerun." in main.notes
    assert [note for note in main.notes if note.startswith("‡")] == [
        "‡ Another source gives a different figure, listed below in the order of the columns.",
        "‡ a rerun: lightxml, ensemble 91.00†/80.00†/69.00†; Rival, ensemble 61.00/50.00/40.00.",
        "‡ a note: lightxml, ensemble P@5 71.00§.",
    ]


def test_ablations_state_the_change_and_its_effect(tmp_path: Path, published: Published) -> None:
    parts = {"base": "lightxml", "base_title": "LightXML"}
    runs = [("one", "parts", "whole", "clean", 61.6), ("one", "parts", "shallow", "clean", 55.0)]
    selection = _selection(tmp_path, *runs, parts=parts)
    selection["runs"][1]["settings"] = {"layers": 1, "negatives": "random"}
    found = _tables(selection, published)
    (table,) = found["ablations"]
    assert [row[:5] for row in table.rows] == [
        ["whole", "clean", "none", "61.60", NOTHING],
        ["shallow", "clean", "layers 1, negatives random", "55.00 (-6.60)", NOTHING],
    ]
    assert table.notes[0] == "Variants of LightXML. In brackets: the difference from whole, in points."
    assert [row[0] for row in found["main"][0].rows] == ["LightXML", "Rival"]  # published; a variant is not a method


def test_protocols_are_shown_side_by_side(tmp_path: Path, published: Published) -> None:
    runs = [("one", "lightxml", "bert", "official", 87.0), ("one", "lightxml", "bert", "clean", 86.0)]
    runs += [("two", "lightxml", "bert", "clean", 50.0)]
    selection = _selection(tmp_path, *runs, lightxml={})
    (table,) = _tables(selection, published)["protocols"]
    assert table.title == "Protocols: lightxml on One"
    assert [row[:4] for row in table.rows] == [
        ["bert", "clean", "none", "86.00"],
        ["bert", "official", "layers 0", "87.00 (+1.00)"],
    ]


def test_the_tail_is_the_mean_over_the_seeds(tmp_path: Path, published: Published) -> None:
    selection = _selection(tmp_path, *[("one", "m", "single", "clean", 50.0)] * 2, m={})
    for run, recall in zip(selection["runs"], (10.0, 20.0), strict=True):
        tail = {part: {"R@5": recall} for part in ("head", "torso")} | {"tail": {"R@5": None}}
        tenths = [recall, *[None] * 9]
        write_json(
            Path(run["path"]) / "metrics.json",
            {
                "accuracy": METRICS,
                "coverage": {"coverage@1": 1.0, "coverage@3": 3.0, "coverage@5": recall},
                "tail": {**tail, "deciles": {"R@5": tenths}},
            },
        )
    (table,) = _tables(selection, published)["tail"]
    (row,) = table.rows
    assert row[3:10] == ["15.0", "15.0", "n/a", "1.0", "3.0", "15.0", "15.0"]
    assert set(row[10:]) == {"n/a"} and len(row) == len(table.headers) == len(table.align)


def test_an_empty_table_is_replaced_by_a_sentence(tmp_path: Path, published: Published) -> None:
    selection = _selection(tmp_path, ("one", "m", "single", "clean", 50.0), m={"base": "m", "base_title": "m"})
    for entry in selection["datasets"].values():
        entry["published_as"] = None
    written(results(selection, published), tmp_path)
    for name in TABLES:
        text = (tmp_path / "tables" / f"{name}.md").read_text("utf-8")
        assert re.search(r"\n\n[A-Z].*\.\n$", text) and "|" not in text, name
        assert "tabular" not in (tmp_path / "tables" / f"{name}.tex").read_text("utf-8")
        assert list(pd.read_csv(tmp_path / "tables" / f"{name}.csv").columns) == ["table", "note"]


def test_the_csv_has_the_cells_of_all_tables(lightxml: dict[str, Any], published: Published, tmp_path: Path) -> None:
    written(results(lightxml, published), tmp_path)
    frame = pd.read_csv(tmp_path / "tables" / "main.csv", dtype=str, keep_default_na=False)
    assert list(frame.columns) == ["table", "method", "variant", "protocol", "One", "Two"]
    assert frame.loc[0].tolist()[:4] == ["Main comparison: P@1", "lightxml", "ensemble; bert", "official"]


def test_latex_is_well_formed_for_any_data(tmp_path: Path) -> None:
    selection = evil_selection(tmp_path / "evil")
    write_text(tmp_path / "published" / "main.csv", PUBLISHED.splitlines()[0] + "\n")
    written(results(selection, load_published(tmp_path / "published")), tmp_path)
    for path in sorted((tmp_path / "tables").glob("*.tex")):
        check_latex(path.read_text("utf-8"))


@pytest.mark.parametrize(("rows", "environment"), [(3, "table"), (41, "longtable")])
@pytest.mark.parametrize("words", ["short", "a long text " * 9])
def test_latex_of_long_and_wide_tables(rows: int, environment: str, words: str) -> None:
    table = Table("Ti_tle", ["name", "x", "why"], [["*", "[1.00†]", words]] * rows, "lrl", ["A note: 5 %."])
    text = table.latex()
    assert rf"\begin{{{environment}}}" in text and (r"p{0.50\linewidth}" in text) == (words != "short")
    check_latex(text)
    wide = Table("t", ["column"] * 30, [["123.45 [67.89]"] * 30] * rows, "r" * 30)
    assert ("resizebox" if rows == 3 else "landscape") in wide.latex()
    check_latex(wide.latex())
