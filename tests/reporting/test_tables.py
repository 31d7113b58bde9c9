"""The comparison of reproduced and published figures, against hand computations."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from lightxml_core.errors import InputError
from lightxml_core.features.origin import Origin, Origins
from lightxml_core.files import read_json, write_json, write_text
from lightxml_core.reporting.figures.drawing import write_figures
from lightxml_core.reporting.markup import tex_escape, tex_row
from lightxml_core.reporting.numbers import duration, spelled
from lightxml_core.reporting.published import QUANTITIES, PublishedFigure, load_curves, load_published
from lightxml_core.reporting.tables import (
    calibration,
    comparison,
    cost,
    datasets,
    further,
    settings,
    verdicts,
    write_tables,
)
from lightxml_core.reporting.tables.catalogue import KINDS
from lightxml_core.reporting.tables.comparison import COLUMNS
from lightxml_core.reporting.terminal import terminal_table, verdict_line
from tests.helpers.reporting import TOLERANCE, chosen, frame, results

SHIPPED = Path(__file__).parents[2] / "published"
HEADER = "dataset,method,variant,metric,value,source,verified\n"
PUBLISHED = HEADER + (
    "Toy-4K,LightXML,ensemble,P@1,87.63,first source,recalled\n"
    "Toy-4K,LightXML,ensemble,P@1,87.15,second source,seen\n"
    "Toy-4K,LightXML,bert,P@1,86.16,rerun,seen\n"
    "Toy-4K,LightXML,roberta,P@1,86.18,rerun,seen\n"
    "Toy-4K,Parabel,as-published,P@1,82.12,a paper,seen\n"
    "Toy-4K,Bonsai,as-published,P@1,82.30,a paper,seen\n"
    "Toy-4K,LightXML,ensemble,train_hours,16.9,a paper,seen\n"
    "Toy-4K,-,-,N_test,3865,a paper,seen\n"
    "Other-1K,Bonsai,as-published,P@1,1.00,a paper,seen\n"
)
Published = Sequence[PublishedFigure]
SEEDS = {"bert": (80.0, 81.0, 85.0), "ensemble": (83.0, 84.0), "model": (84.25,)}


@pytest.fixture
def published(tmp_path: Path) -> Published:
    write_text(tmp_path / "published" / "main.csv", PUBLISHED)
    return load_published(tmp_path / "published")


@pytest.fixture
def selection(tmp_path: Path) -> dict[str, Any]:
    """LightXML with one member of three seeds and an ensemble of two; Parabel, one model of one seed."""
    write_json(tmp_path / "toy" / "corpus" / "stats.json", {"N_test": 3865, "L": 3956, "name": "not a figure"})
    dataset = {"title": "Toy_4K", "published_as": "Toy-4K", "expected": {"N_test": 3865}}
    entry = {**dataset, "stats": str(tmp_path / "toy" / "corpus" / "stats.json")}
    methods = {
        "lightxml": {"title": "LightXML", "published_as": "LightXML", "implementation": "lightxml"},
        "parabel": {"title": "Parabel", "published_as": "Parabel", "implementation": "linear"},
    }
    grid = [("lightxml", "ensemble", None), ("lightxml", "bert", "bert"), ("parabel", "model", None)]
    runs = [_run(tmp_path, *names, seed, p1) for names in grid for seed, p1 in enumerate(SEEDS[names[1]])]
    return {"target": "demo", "datasets": {"toy": entry}, "methods": methods, "runs": runs}


def _run(root: Path, method: str, variant: str, backbone: str | None, seed: int, p1: float) -> dict[str, Any]:
    path = root / method / variant / str(seed)
    write_json(path / "metrics.json", {"accuracy": {"P@1": p1, "PSP@1": 40.0}})
    if variant != "ensemble":
        facts = {"wall_seconds": 100.0 * (seed + 1), "peak_memory_gib": 1.5, "model_bytes": 5_000_000}
        write_json(path / "provenance.json", {**facts, "hardware": {"cpu": "A & B", "cores": 2, "gpu": None}})
    names = {"dataset": "toy", "method": method, "variant": variant, "seed": seed, "protocol": "clean"}
    return {**names, "backbone": backbone, "path": str(path)}


def _frame(
    table: ModuleType,
    selection: dict[str, Any],
    published: Published = (),
    tolerance: dict[str, float] = TOLERANCE,
) -> pd.DataFrame:
    """The .csv of a kind of table."""
    return frame(table.build(results(selection, published, tolerance)))


def _markdown(
    table: ModuleType,
    selection: dict[str, Any],
    published: Published = (),
    tolerance: dict[str, float] = TOLERANCE,
) -> str:
    (built,) = table.build(results(selection, published, tolerance)).tables
    return str(built.markdown())


def _write(selection: dict[str, Any], published: Published, root: Path) -> None:
    write_tables(results(selection, published), root, root.with_suffix(".json"))


def _rows(table: pd.DataFrame, **where: str) -> list[dict[str, Any]]:
    return [row for row in table.to_dict("records") if all(row[key] == value for key, value in where.items())]


def test_comparison_joins_each_run_with_its_published_figures(selection: dict[str, Any], published: Published) -> None:
    table = _frame(comparison, selection, published)
    assert list(table.columns) == COLUMNS
    first, second = _rows(table, method="lightxml", variant="ensemble", metric="P@1")
    assert (first["published"], first["source"], first["verified"]) == (87.63, "first source", "recalled")
    assert (second["published"], second["source"], second["verified"]) == (87.15, "second source", "seen")
    assert first["reproduced_mean"] == second["reproduced_mean"] == 83.5
    assert first["reproduced_std"] == pytest.approx(0.5**0.5, abs=1e-6)
    (member,) = _rows(table, method="lightxml", variant="bert", metric="P@1")
    assert (member["published"], member["seeds"], member["protocol"]) == (86.16, 3, "clean")
    assert member["reproduced_mean"] == 82.0
    assert member["reproduced_std"] == pytest.approx(7**0.5, abs=1e-6)  # (4 + 1 + 9) / (3 - 1)
    (single,) = _rows(table, method="parabel", metric="P@1")
    assert (single["published"], single["reproduced_mean"], single["reproduced_std"]) == (82.12, 84.25, "n/a")


def test_comparison_fills_neither_side_from_the_other(selection: dict[str, Any], published: Published) -> None:
    table = _frame(comparison, selection, published)
    assert {row["published"] for row in _rows(table, metric="PSP@1")} == {"none"}
    (bonsai,) = _rows(table, method="Bonsai")
    assert [bonsai[key] for key in COLUMNS[4:]] == [82.30, "a paper", "seen", "not run", "not run", 0, "not run"]
    (roberta,) = _rows(table, method="LightXML")
    assert (roberta["variant"], roberta["dataset"], roberta["reproduced_mean"]) == ("roberta", "toy", "not run")
    assert not table.isna().any().any()
    assert not (table.astype(str) == "").any().any()
    assert set(table.metric) == {"P@1", "PSP@1"}


def test_a_method_without_published_figures_gets_none(selection: dict[str, Any], published: Published) -> None:
    selection["datasets"]["toy"]["published_as"] = None
    assert set(_frame(comparison, selection, published).published) == {"none"}


def test_protocols_are_never_averaged(selection: dict[str, Any], published: Published) -> None:
    selection["runs"][2]["protocol"] = "official"
    rows = _rows(_frame(comparison, selection, published), variant="bert", metric="P@1")
    assert {(row["protocol"], row["seeds"], row["reproduced_mean"]) for row in rows} == {
        ("official", 1, 80.0),
        ("clean", 2, 83.0),
    }


def test_written_tables(selection: dict[str, Any], published: Published, tmp_path: Path) -> None:
    _write(selection, published, tmp_path / "out")
    markdown = (tmp_path / "out" / "comparison.md").read_text("utf-8")
    assert "| LightXML | bert | 82.00 ± 2.65 \\[86.16\\] | \u2013 |" in markdown
    assert "| LightXML | ensemble | 83.50 ± 0.71 \\[87.63†‡\\] | \u2013 |" in markdown
    assert "| Parabel | model | 84.25 \\[82.12\\] | \u2013 |" in markdown
    assert "| Bonsai | as-published | not run \\[82.30\\] | not run |" in markdown
    tex = (tmp_path / "out" / "comparison.tex").read_text("utf-8")
    assert r"\caption{Toy\_4K: precision" in tex
    assert r"LightXML & bert & 82.00 $\pm$ 2.65 [86.16] & --" in tex
    assert r"A \& B, 2 cores" in (tmp_path / "out" / "cost.tex").read_text("utf-8")
    read = pd.read_csv(tmp_path / "out" / "comparison.csv", dtype=str, keep_default_na=False)
    assert list(read.columns) == COLUMNS
    assert len(read) == len(_frame(comparison, selection, published))


def test_tex_escape_leaves_no_latex_commands() -> None:
    assert tex_escape("a_b & 5% of $x #1 {y} ~ ^ \\z") == (
        r"a\_b \& 5\% of \$x \#1 \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}z"
    )
    assert tex_escape("50.1 ± 0.2†") == r"50.1 $\pm$ 0.2\textsuperscript{\dag}"
    assert tex_row(["[82.30]", "a"]) == r"{[82.30]} & a \\"
    assert tex_row(["* best", "*"]) == r"{* best} & {*} \\"  # `\\*` would be another command


def test_datasets_mark_what_differs_from_every_source(
    selection: dict[str, Any], published: Published, tmp_path: Path
) -> None:
    write_json(tmp_path / "toy" / "features" / "tfidf" / "vocabulary.json", {"a": 0, "b": 1})
    rows = {row["statistic"]: row for row in _frame(datasets, selection, published).to_dict("records")}
    keys = ("computed", "expected", "published", "difference")
    assert [rows["N_test"][key] for key in keys] == [3865, 3865, 3865.0, "equal"]
    assert [rows["L"][key] for key in keys] == [3956, "none", "none", "none"]
    assert [rows["D_tfidf"][key] for key in keys[:2]] == [2, "none"]
    two = "Toy-4K,-,-,L,3956,a paper,seen\nToy-4K,-,-,L,4000,another,seen\nToy-4K,-,-,N_train,9,a paper,seen\n"
    write_text(tmp_path / "more" / "main.csv", HEADER + two)
    more = load_published(tmp_path / "more")
    table = _frame(datasets, selection, more)
    assert [row["difference"] for row in _rows(table, statistic="L")] == ["equal", -44.0]
    assert [row["difference"] for row in _rows(table, statistic="N_train")] == ["n/a"]
    markdown = _markdown(datasets, selection, more)
    assert "| Toy\\_4K | L | 3,956 | none | 4,000 | ≠ -44 (-1.1%) | another | seen |" in markdown
    stats = Path(selection["datasets"]["toy"]["stats"])
    write_json(stats, read_json(stats) | {"copy": "https://a.host/toy.zip"})
    assert "Toy\\_4K was read from https://a.host/toy.zip." in _markdown(datasets, selection, more)
    assert "| dataset | statistic | computed | expected |\n" in _markdown(datasets, selection)


def test_cost_of_runs_and_of_methods_that_are_only_published(
    selection: dict[str, Any], published: Published, tmp_path: Path
) -> None:
    more = (
        "Toy-4K,LightXML,ensemble,train_hours,12,a rerun,seen\n"
        "Toy-4K,LightXML,distilbert,inference_seconds,7.73,a rerun,seen\n"
        "Toy-4K,LightXML,distilbert,epoch_minutes,1.5,a rerun,seen\n"
        "Toy-4K,LightXML,distilbert,epoch_seconds,80,another rerun,seen\n"
        "Toy-4K,LightXML,distilbert,gpu_memory_gib,12.4,a rerun,seen\n"
        "Toy-4K,LightXML,distilbert,model_size_gb,0.3,a rerun,seen\n"
        "Toy-4K,LightXML,distilbert,model_size_gib,0.304,its parameters,derived\n"
    )
    write_text(tmp_path / "published" / "main.csv", PUBLISHED + more)
    figures = load_published(tmp_path / "published")
    times = {"documents": 400, "seconds": 1.0, "one_text_seconds": 0.02}
    for seed in range(3):  # the first as an earlier version wrote it
        written = {name: time for name, time in times.items() if seed or name != "one_text_seconds"}
        write_json(tmp_path / f"lightxml/bert/{seed}/prediction.json", written)
    by_variant = {row["variant"]: row for row in _frame(cost, selection, figures).to_dict("records")}
    bert, ensemble, printed = by_variant["bert"], by_variant["ensemble"], by_variant["distilbert"]
    assert bert["wall_seconds"] == ensemble["wall_seconds"] == 200.0
    assert (ensemble["published_train_hours"], bert["published_train_hours"]) == (16.9, "none")
    assert (bert["ms_per_document"], bert["documents_per_second"], bert["ms_for_one_text"]) == (2.5, 400.0, 20.0)
    assert ensemble["ms_for_one_text"] == 20.0 and by_variant["model"]["ms_for_one_text"] == "n/a"
    assert ensemble["other_sources"] == "train_hours 12 (a rerun; seen)"
    assert ensemble["model_bytes"] == 5_000_000
    assert (printed["wall_seconds"], printed["protocol"], printed["seeds"]) == ("not run", "not run", 0)
    assert (printed["published_model_gib"], printed["published_ms_per_document"]) == (0.304, 2.0)  # of 3,865 documents
    assert (printed["published_epoch_seconds"], printed["published_gpu_gib"]) == (80.0, 12.4)
    assert printed["other_sources"] == "epoch_minutes 1.5 (a rerun; seen); model_size_gb 0.3 (a rerun; seen)"
    assert "| Toy\\_4K | LightXML | bert | clean | 3 | 3 min 20 s | 1.50 | 4.77 |" in _markdown(
        cost, selection, figures
    )


def test_calibration_is_weighted_by_the_number_of_labels(selection: dict[str, Any], tmp_path: Path) -> None:
    """Methods whose scores are not between 0 and 1 are left out."""
    path = tmp_path / "parabel/model/0/metrics.json"
    bins = [{"score": 0.1, "true": 0.05, "pairs": 90}, {"score": 0.8, "true": 0.6, "pairs": 10}]
    write_json(path, {**read_json(path), "calibration": bins})
    text = _markdown(calibration, selection)
    assert "| Parabel | model | clean | 17.00 | 10.50 | 6.50 | 80.00 | 60.00 | 20.00 |" in text
    assert "LightXML" not in text
    write_json(path, {**read_json(path), "calibration": bins[:1]})
    assert "| 10.00 | 5.00 | 5.00 | – | – | – |" in _markdown(calibration, selection)


def test_numbers_and_names_are_formatted() -> None:
    assert [spelled(value) for value in (0.004, 1248.58, 3865, 0.0)] == ["0.004", "1,248.58", "3,865", "0"]
    assert [duration(seconds) for seconds in (0.04, 42, 725, 11220)] == ["0.04 s", "42 s", "12 min 5 s", "3 h 7 min"]


def test_terminal_table_says_where_lightxml_is_worse(selection: dict[str, Any]) -> None:
    text = terminal_table(chosen(selection))
    assert max(map(len, text.splitlines())) <= 100
    (note,) = [line for line in text.split("\n") if line.startswith("The ensemble of LightXML")]
    assert note == "The ensemble of LightXML (83.50 P@1) is 0.75 points below Parabel (84.25)."
    assert "84.25*" in text
    assert "82.00*" not in text
    write_json(Path(selection["runs"][-1]["path"]) / "metrics.json", {"accuracy": {"P@1": 10.0}})
    for run in selection["runs"][2:5]:
        write_json(Path(run["path"]) / "metrics.json", {"accuracy": {"P@1": 84.0}})
    assert "is 0.50 points below its own best member bert (84.00)." in terminal_table(chosen(selection))
    write_json(Path(selection["runs"][0]["path"]) / "metrics.json", {"accuracy": {"P@1": 99.0}})
    assert "points below" not in terminal_table(chosen(selection))


def test_terminal_table_imports_neither_pandas_nor_matplotlib() -> None:
    code = "import sys; from lightxml_core.reporting.terminal import terminal_table; "
    code += "print({'pandas', 'matplotlib', 'torch', 'sklearn'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_equal_input_gives_equal_bytes(selection: dict[str, Any], published: Published, tmp_path: Path) -> None:
    for out in (tmp_path / "a", tmp_path / "b"):
        _write(selection, published, out)
        write_figures(chosen(selection), [], out / "figures")
    names = sorted(str(path.relative_to(tmp_path / "a")) for path in (tmp_path / "a").rglob("*.*"))
    figures = {name for name in names if "figures" in name}
    drawn = ("cost", "precision", "propensity")
    assert figures == {f"figures/{name}.{form}" for name in drawn for form in ("png", "svg")}
    assert len(names) == 3 * len(KINDS) + len(figures)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"P@1": 87.0}, "metrics.json has no group 'accuracy', so it is of an older version: evaluate this run again"),
        ({"accuracy": {"P@1": 87.0, "Q@1": 1.0}}, "metrics.json: accuracy: unknown metric 'Q@1': known here are P@k"),
        ({"accuracy": [87.0]}, "metrics.json: accuracy is not a group of values"),
        ({"accuracy": {"P@1": None}}, "metrics.json: P@1 is None, not a number"),
    ],
)
def test_metrics_that_cannot_be_read_are_named(
    selection: dict[str, Any], published: Published, content: Any, said: str
) -> None:
    write_json(Path(selection["runs"][0]["path"]) / "metrics.json", content)
    with pytest.raises(InputError, match=re.escape(said)):
        _ = results(selection, published).compared


def test_a_figure_of_any_metric_is_compared_and_gets_a_verdict(
    selection: dict[str, Any], published: Published, tmp_path: Path
) -> None:
    metrics = {"accuracy": {"P@1": 84.25, "MRR": 90.0}, "averages": {"macro-F1@3": 30.0, "macro-F1@5": 20.0}}
    write_json(Path(selection["runs"][-1]["path"]) / "metrics.json", metrics)
    lines = ["Toy-4K,Parabel,as-published,macro-F1@5,20.9,p,seen", "Toy-4K,Parabel,as-published,MRR,90.7,p,seen"]
    write_text(tmp_path / "more" / "main.csv", HEADER + "".join(f"{line}\n" for line in lines))
    known = load_published(tmp_path / "more")
    judged = _frame(verdicts, selection, known, {})
    of = {row["metric"]: (row["verdict"], row["tolerance"]) for row in _rows(judged, method="parabel")}
    assert of == {"macro-F1@5": ("reproduced", 1.0), "MRR": ("below", 0.5)}
    assert {row["verdict"] for row in _rows(_frame(verdicts, selection, known, {"MRR": 1}), metric="MRR")} == {
        "reproduced"
    }
    note = verdicts.build(results(selection, known, {})).tables[0].notes[1]
    assert note == "Reproduced: within a tolerance in points of MRR 0.5, macro-F1@k 1."
    (shown,) = further.build(results(selection, known)).tables
    cells = dict(zip(shown.headers, shown.rows[0], strict=True))
    assert (cells["MRR"], cells["macro-F1@5"], cells["R@5"]) == ("90.00 [90.70]", "20.00 [20.90]", "–")


def test_tables_read_every_quantity_that_can_be_published() -> None:
    assert {*datasets._PUBLISHED, *(name for names in cost._METRICS.values() for name in names)} == {*QUANTITIES}


def test_selection_errors_are_named(selection: dict[str, Any], published: Published) -> None:
    (Path(selection["runs"][0]["path"]) / "metrics.json").unlink()
    with pytest.raises(InputError, match=r"metrics\.json is missing"):
        _frame(comparison, selection, published)
    selection["runs"].append(dict(selection["runs"][1]))
    with pytest.raises(InputError, match="seed 1 twice"):
        _frame(comparison, selection, published)
    selection["runs"] = [{"dataset": "toy", "method": "lightxml"}]
    with pytest.raises(InputError, match="incomplete run"):
        _frame(comparison, selection, published)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("Toy,M,v,P@1,87.x,s,seen", "line 2: value '87.x' is not a finite number"),
        ("Toy,M,v,P@1,nan,s,seen", "line 2: value 'nan' is not a finite number"),
        ("Toy,M,v,P@1,87,s,maybe", "line 2: verified is 'maybe'"),
        ("Toy,M,v,p@1,87,s,seen", "line 2: unknown metric 'p@1': known here are P@k, PSP@k"),
        ("Toy,M,v,P,87,s,seen", "line 2: unknown metric 'P'"),
        ("Toy,M,v,MRR@5,87,s,seen", "line 2: unknown metric 'MRR@5'"),
        ("Toy,M,v,P@1,87,,seen", "line 2: needs 7 cells"),
        ("Toy,M,v,P@1,87,s,seen\nToy,M,v,P@1,87,s,seen", "line 3: repeats line 2"),
    ],
)
def test_load_published_names_the_line(tmp_path: Path, line: str, complaint: str) -> None:
    write_text(tmp_path / "psp.csv", HEADER + line + "\n")
    with pytest.raises(InputError, match=f"psp.csv {complaint}"):
        load_published(tmp_path)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            "Toy,M,v,1,P@1,8,s,seen\nToy,M,v,2,P@3,8,s,seen\nToy,M,v,1,P@3,9,s,seen",
            "line 4: epoch '1' is not .* above 2",
        ),
        ("Toy,M,v,0,P@1,8,s,seen", "line 2: epoch '0' is not a whole number above 0"),
        ("Toy,M,v,1.5,P@1,8,s,seen", "line 2: epoch '1.5' is not a whole number"),
        ("Toy,M,v,1,P@1,x,s,seen", "line 2: value 'x' is not a finite number"),
        ("Toy,M,v,P@1,8,s,seen", "line 2: needs 8 cells"),
    ],
)
def test_load_curves_names_the_line(tmp_path: Path, lines: str, complaint: str) -> None:
    assert load_curves(tmp_path) == []
    write_text(tmp_path / "epochs/toy.csv", HEADER.replace("metric", "epoch,metric") + lines + "\n")
    with pytest.raises(InputError, match=f"toy.csv {complaint}"):
        load_curves(tmp_path)


def test_the_main_file_is_read_first_and_rows_keep_their_order(tmp_path: Path) -> None:
    for name in ("z", "main", "a"):
        rows = "".join(f"Toy,M,v,P@1,{value},{name} {value},seen\n" for value in (2, 1))
        write_text(tmp_path / f"{name}.csv", HEADER + rows)
    assert [figure.source for figure in load_published(tmp_path)] == ["main 2", "main 1", "a 2", "a 1", "z 2", "z 1"]


def test_load_published_checks_the_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no CSV"):
        load_published(tmp_path)
    write_text(tmp_path / "main.csv", "dataset,method\nToy,M\n")
    with pytest.raises(InputError, match="line 1: the columns must be"):
        load_published(tmp_path)


def test_shipped_figures_contain_the_papers_main_table() -> None:
    frame = pd.DataFrame(map(vars, load_published(SHIPPED)))
    five = {"Eurlex-4K", "Wiki10-31K", "AmazonCat-13K", "Wiki-500K", "Amazon-670K"}
    assert not frame.source.str.contains(";").any()  # notes separate sources by semicolons
    assert set(frame.dataset) == five | {
        *("EURLex-4K (XMLRepository BoW split)", "Delicious", "Bibtex", "CVE-libraries")
    }
    main = frame[(frame.method == "LightXML") & (frame.variant == "ensemble") & (frame.metric == "P@1")]
    assert main.groupby("dataset").value.first().to_dict() == {
        **{"Eurlex-4K": 87.63, "Wiki10-31K": 89.45, "AmazonCat-13K": 96.77},
        **{"Wiki-500K": 77.78, "Amazon-670K": 49.10},
    }
    percent = frame[frame.metric.str.contains("@")]
    assert percent.value.between(0, 100).all()
    assert frame[frame.dataset == "Eurlex-4K"].query("metric == 'N_test'").value.tolist() == [3865.0]


def test_shipped_figures_state_what_was_verified() -> None:
    frame = pd.DataFrame(map(vars, load_published(SHIPPED)))
    assert frame.verified.value_counts().to_dict() == {"seen": 1403, "recalled": 142, "derived": 14}
    sources = frame.source.str
    assert len(frame[sources.startswith("X-Transformer (KDD 2020) Table 3")]) == 66 + 12
    last = frame[(frame.dataset == "Eurlex-4K") & sources.endswith("final_evaluation_scores.csv (last epoch)")]
    assert last[last.variant == "bert"].value.tolist() == [86.16, 74.43, 62.46]
    assert last[last.variant == "xlnet"].value.tolist() == [85.87, 74.10, 61.97]
    rerun = frame[(frame.method == "LightXML") & (frame.dataset == "Wiki10-31K") & sources.startswith("rerun")]
    assert set(rerun.variant) == {"bert", "xlnet", "distilbert"}  # its "RoBERTa" has BERT's number of parameters


def test_precision_falls_with_k_in_every_source() -> None:
    frame = pd.DataFrame(map(vars, load_published(SHIPPED)))
    wide = frame.pivot_table(index=["dataset", "method", "variant", "source"], columns="metric", values="value")
    precision = wide[["P@1", "P@3", "P@5"]].dropna()
    assert len(precision) > 150 and (precision.diff(axis=1).dropna(axis=1) < 0).all(axis=None)


def test_shipped_figures_agree_if_two_metrics_are_equal() -> None:
    """At k = 1 nDCG equals precision, also with propensities. Three differences are misprints of the source."""
    frame = pd.DataFrame(map(vars, load_published(SHIPPED)))
    first = {metric: frame[frame.metric == f"{metric}@1"] for metric in ("P", "nDCG", "PSP", "PSnDCG")}
    for one, other, misprints in (
        ("nDCG", "P", [("DiSMEC", 84.1), ("ProXML", 64.4)]),
        ("PSnDCG", "PSP", [("CS", 25.94)]),
    ):
        both = first[one].merge(first[other], on=["dataset", "method", "variant", "source"])
        differ = both[(both.value_x - both.value_y).abs() > 0.005]
        assert len(both) > 25 and sorted(zip(differ.method, differ.value_x, strict=True)) == misprints


def test_every_published_figure_gets_the_verdict_of_the_rule(selection: dict[str, Any], published: Published) -> None:
    found = _frame(verdicts, selection, published)
    assert {(row["method"], row["variant"], row["published"], row["verdict"]) for row in found.to_dict("records")} == {
        ("lightxml", "ensemble", 87.63, "below"),  # 83.5 is 4.13 below
        ("lightxml", "ensemble", 87.15, "below"),
        ("lightxml", "bert", 86.16, "below"),
        ("parabel", "model", 82.12, "reproduced"),  # 84.25 is 2.13 above
        ("LightXML", "roberta", 86.18, "not run"),
        ("Bonsai", "as-published", 82.30, "not run"),
    }
    stricter = _frame(verdicts, selection, published, {**TOLERANCE, "P": 2.12})
    assert [row["verdict"] for row in stricter.to_dict("records") if row["method"] == "parabel"] == ["above"]
    counted = "1 reproduced, 3 below, 0 above, 0 not comparable, 2 not run"
    assert f"Published figures, counted for each source: {counted}." in _markdown(verdicts, selection, published)
    assert not (found.astype(str) == "").any().any() and not found.isna().any().any()


def test_over_splits_the_standard_error_adds_to_the_tolerance(selection: dict[str, Any], published: Published) -> None:
    """The ensemble, 83 and 84, is 4.13 below 87.63, and the standard error of its mean is 0.5."""
    selection["datasets"]["toy"]["splits"] = 2
    for points, verdict in ((3.64, "reproduced"), (3.62, "below")):
        found = _frame(verdicts, selection, published, {**TOLERANCE, "P": points})
        row = next(row for row in found.to_dict("records") if row["published"] == 87.63)
        assert (row["verdict"], row["tolerance"]) == (verdict, round(points + 0.5, 6))
        notes = _markdown(verdicts, selection, published, {**TOLERANCE, "P": points})
        assert (
            f"within a tolerance in points of P@k {points:g}." in notes
            and "Toy\\_4K: means and ± are over splits" in notes
        )
    assert "over splits" in _markdown(comparison, selection, published)


def test_figures_of_another_kind_are_not_compared_with_a_reason(
    selection: dict[str, Any], published: Published
) -> None:
    selection["methods"]["parabel"]["differs"] = [
        {"what": "half the trees", "datasets": None},
        {"what": "other features", "datasets": ["toy"]},
        {"what": "shorter texts", "datasets": ["elsewhere"]},
    ]
    selection["methods"]["lightxml"]["published_protocol"] = "official"
    found = _frame(verdicts, selection, published)
    said = {row["method"]: (row["verdict"], row["reason"]) for row in found.to_dict("records")}
    assert said["parabel"] == ("not comparable", "half the trees; other features")
    assert said["lightxml"] == ("not comparable", "run by the clean protocol, published by the official one")
    (table,) = verdicts.build(results(selection, published)).tables
    assert any("4 not comparable" in note for note in table.notes) and len(table.rows) == 4
    assert dict(zip(table.headers, table.rows[2], strict=True)) | {"why": ""} == {
        **{"dataset": "Toy_4K", "method": "LightXML", "variant": "ensemble", "metric": "P@1", "reproduced": "83.50"},
        **{"std": "0.71", "seeds": "2", "published": "87.15", "difference": "-3.65", "verdict": "not comparable"},
        **{"why": "", "source": "second source", "checked": "seen"},
    }


def test_a_difference_on_a_dataset_withholds_its_verdicts_only(selection: dict[str, Any], published: Published) -> None:
    selection["datasets"]["other"] = selection["datasets"]["toy"] | {"title": "Other"}
    selection["runs"] += [run | {"dataset": "other"} for run in selection["runs"]]
    before = _frame(verdicts, selection, published)
    selection["methods"]["lightxml"]["differs"] = [{"what": "shorter texts", "datasets": ["other"]}]
    after = _frame(verdicts, selection, published)
    changed = after[(before != after).any(axis=1)]
    assert len(changed) == 3 and set(zip(changed.dataset, changed.method, strict=True)) == {("other", "lightxml")}
    assert set(zip(changed.verdict, changed.reason, strict=True)) == {("not comparable", "shorter texts")}


def test_another_encoder_is_not_compared(selection: dict[str, Any], published: Published) -> None:
    selection["methods"]["lightxml"]["published_backbones"] = {"bert": "bert-base", "roberta": "roberta-base"}
    said = _reasons(selection, published)
    assert said["bert"] == "encoder bert, published with bert-base"
    assert said["ensemble"] == "encoder bert, published with bert-base, roberta-base"
    for run in selection["runs"]:
        run["backbone"] = {"bert": "bert-base", "ensemble": None}.get(run["variant"])
    assert set(_reasons(selection, published).values()) == {"none"}
    for run in selection["runs"]:  # a member's figures are those of its encoder, whatever its name
        run["variant"] = {"bert": "tree0"}.get(run["variant"], run["variant"])
    assert _rows(_frame(comparison, selection, published), variant="tree0", metric="P@1")[0]["published"] == 86.16


def test_another_subset_of_the_data_is_not_compared(
    selection: dict[str, Any], published: Published, tmp_path: Path
) -> None:
    write_json(tmp_path / "toy" / "corpus" / "stats.json", {"documents_tst": 500})
    assert set(_reasons(selection, published).values()) == {
        "another cut of the data: 500 test documents, published 3,865"
    }
    selection["datasets"]["toy"]["cut"] = "whole"
    assert set(_reasons(selection, published).values()) == {"a cut of whole"}


def _reasons(selection: dict[str, Any], published: Published) -> dict[str, str]:
    found = _frame(verdicts, selection, published)
    return {row["variant"]: row["reason"] for row in found.to_dict("records") if row["verdict"] != "not run"}


def test_figures_from_tfidf_built_here_are_not_compared(
    selection: dict[str, Any], published: Published, tmp_path: Path
) -> None:
    """The features of documents and those of label clusters may have different origins."""
    folder = tmp_path / "toy" / "features" / "shipped"
    built = Origin("toy.zip", 7)
    Origins(documents=built, clusters=Origin("toy.zip", 9, ("train.txt",))).write(folder)
    for run in selection["runs"]:
        use = {"ensemble": "clusters", "model": "documents"}.get(run["variant"])
        run["features"] = use and {"folder": str(folder), "use": use}
    found = _frame(verdicts, selection, published)
    said = {row["variant"]: row["reason"] for row in found.to_dict("records")}
    assert said["model"] == "TF-IDF built here, published with the shipped one"
    assert said["ensemble"] == said["bert"] == "none"
    [columns] = _rows(_frame(datasets, selection, published), statistic="D_tfidf")
    assert columns["computed"] == 7
    for run in selection["runs"]:
        run["settings"] = {"trees": 3}
    told = {row["variant"]: row["value"] for row in _rows(_frame(settings, selection), setting="features")}
    assert told["ensemble"] == '"TF-IDF as shipped in train.txt of toy.zip"' and told.keys() == {"ensemble", "model"}
    selection["runs"][-1]["features"] = {"folder": str(tmp_path / "toy/features/tfidf"), "use": "documents"}
    assert _rows(_frame(settings, selection), variant="model", setting="features")[0]["value"] == '"TF-IDF built here"'
    write_json(tmp_path / "toy/corpus/stats.json", {"texts": False})  # a bag of words is not built here
    found = _frame(verdicts, selection, published)
    assert {row["reason"] for row in _rows(found, variant="model")} == {"none"}


def test_verdicts_are_counted_and_their_absence_is_stated(
    selection: dict[str, Any], published: Published, tmp_path: Path
) -> None:
    _write(selection, published, tmp_path / "out")
    assert verdict_line(tmp_path / "out" / "verdicts.csv") == "published figures: 3 below, 2 not run, 1 reproduced"
    selection["datasets"]["toy"]["published_as"] = None
    _write(selection, published, tmp_path / "none")
    assert verdict_line(tmp_path / "none" / "verdicts.csv") == "published figures: none"
    markdown = (tmp_path / "none" / "verdicts.md").read_text("utf-8")
    assert "No published figures" in markdown and "|" not in markdown


def test_the_terminal_never_truncates_a_protocol(selection: dict[str, Any]) -> None:
    for number, run in enumerate(selection["runs"][2:5]):
        run.update(protocol=("clean", "official")[number == 2], variant="selected-on-validation")
    text = terminal_table(chosen(selection))
    assert max(map(len, text.splitlines())) <= 100
    rows = [line.split() for line in text.splitlines() if line.startswith("LightXML selected")]
    assert [row[2] for row in rows] == ["clean", "official"]
