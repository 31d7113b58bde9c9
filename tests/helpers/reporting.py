"""Reports on invented runs: a small one with markup in all text, and a grid of random predictions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from lightxml_core.corpus.statistics import statistics
from lightxml_core.evaluation.catalogue import HEADLINE
from lightxml_core.evaluation.evaluate import evaluate_run
from lightxml_core.files import load_csr, save_array, save_csr, write_json, write_text
from lightxml_core.reporting.figures.drawing import write_figures
from lightxml_core.reporting.markup import Table
from lightxml_core.reporting.page.report import write_report
from lightxml_core.reporting.published import PublishedFigure, load_published
from lightxml_core.reporting.tables import Results, read_tables, write_tables
from lightxml_core.reporting.tables.results import Built
from lightxml_core.selection import ENSEMBLE, Selection

EVIL = "</script><script>alert('x')</script><!-- & \u2028 $\\frac$ \"'"
NAME = " ".join(EVIL.split())  # as names are stored in a corpus
LABELS = 30
TOLERANCE = {"P": 3.0, "PSP": 1.0}
TRUTH = [[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1]]
SCORES = [[0.9, 0.2, 0.2], [0.1, 0.0, 0.6], [0.0, 0.0, 0.0], [0.4, 0.5, 0.3]]


def chosen(rows: dict[str, Any]) -> Selection:
    """The selection that a test gives as JSON; its variants have the names of members."""
    runs = [{"member": None if run.get("variant") == ENSEMBLE else run.get("variant"), **run} for run in rows["runs"]]
    return Selection.from_json({**rows, "runs": runs})


def results(
    rows: dict[str, Any], published: Sequence[PublishedFigure] = (), tolerance: Mapping[str, float] = TOLERANCE
) -> Results:
    """The results from which tables of such a selection are built."""
    return Results(chosen(rows), published, tolerance)


def frame(built: Built) -> pd.DataFrame:
    """The .csv of a table."""
    return pd.DataFrame(built.rows, columns=built.columns, dtype=object)


def written(of: Results, root: Path) -> dict[str, list[Table]]:
    """All tables as the report reads them; they are in `root`/tables."""
    write_tables(of, root / "tables", root / "tables.json")
    return read_tables(root / "tables.json")


def evil_selection(root: Path) -> dict[str, Any]:
    """One dataset of four documents and three labels, one run."""
    corpus, run = root / "corpus", root / "run"
    write_json(corpus / "stats.json", {"documents_tst": 4, "labels": 3})
    write_text(corpus / "X.tst.txt", f"first {EVIL}\nsecond\x0btext\n\nfourth\n")
    write_text(corpus / "output-items.txt", "id0\nid1\nid2\n")
    write_text(corpus / "label-names.txt", f"zero\n{NAME}\ntwo\n")
    save_csr(corpus / "Y.tst.npz", sparse.csr_matrix(np.array(TRUTH, dtype=np.float32)))
    save_csr(run / "predictions.npz", sparse.csr_matrix(np.array(SCORES, dtype=np.float32)))
    write_json(run / "metrics.json", {"accuracy": dict.fromkeys(HEADLINE, 50.0)})
    write_json(run / "provenance.json", {"settings": {"loss": EVIL}, "git_commit": EVIL, "wall_seconds": 61})
    dataset = {"title": EVIL, "published_as": None, "stats": str(corpus / "stats.json")}
    names = {"dataset": "toy", "method": "linear", "variant": EVIL, "seed": 0, "protocol": EVIL, "backbone": EVIL}
    names |= {"settings": {EVIL: EVIL}}
    methods = {"linear": {"title": EVIL, "published_as": None, "implementation": EVIL}}
    return {"target": EVIL, "datasets": {"toy": dataset}, "methods": methods, "runs": [{**names, "path": str(run)}]}


def grid_selection(
    root: Path, datasets: list[str], methods: dict[str, list[str]], documents: int = 40
) -> dict[str, Any]:
    """A run of every method and variant on every dataset; random predictions are evaluated as by the rules."""
    described = {name: _corpus(root / name, name, documents) for name in datasets}
    about = {name: {"title": name.title(), "published_as": None, "implementation": name} for name in methods}
    cells = [(dataset, method, variant) for dataset in datasets for method in methods for variant in methods[method]]
    runs = [_run(root, *cell, seed) for seed, cell in enumerate(cells)]
    return {"target": "grid", "datasets": described, "methods": about, "runs": runs}


def _corpus(folder: Path, name: str, documents: int) -> dict[str, Any]:
    random = np.random.default_rng(documents)
    corpus = folder / "corpus"
    Y_trn, Y = ((random.random((documents, LABELS)) < 0.1).astype(np.float32) for _ in range(2))
    words = np.full(documents, 4)
    stats = statistics(sparse.csr_matrix(Y_trn), sparse.csr_matrix(Y), words, words, 0)
    write_json(corpus / "stats.json", stats)
    write_text(corpus / "X.tst.txt", "".join(f"{name} document number {n}\n" for n in range(documents)))
    write_text(corpus / "label-names.txt", "".join(f"subject {label}\n" for label in range(LABELS)))
    save_csr(corpus / "Y.trn.npz", sparse.csr_matrix(Y_trn))
    save_csr(corpus / "Y.tst.npz", sparse.csr_matrix(Y))
    return {"title": name.title(), "published_as": None, "stats": str(corpus / "stats.json")}


def _run(root: Path, dataset: str, method: str, variant: str, seed: int) -> dict[str, Any]:
    random, path = np.random.default_rng(seed), root / dataset / method / variant
    Y_trn, Y = (load_csr(root / dataset / "corpus" / f"Y.{part}.npz") for part in ("trn", "tst"))
    predictions = sparse.csr_matrix(
        random.random(Y.shape, np.float32) * 0.5 + Y.toarray() * random.random(Y.shape) * 0.5
    )
    save_csr(path / "predictions.npz", predictions)
    evaluation = evaluate_run(predictions, Y, Y_trn, 0.55, 1.5)
    write_json(path / "metrics.json", evaluation.metrics)
    save_array(path / "documents.npy", evaluation.documents)
    about = {"dataset": dataset, "method": method, "variant": variant, "seed": 0, "path": str(path)}
    if variant == "ensemble":
        return about
    write_json(path / "provenance.json", {"wall_seconds": 10.0 + seed, "model_bytes": 2**20 * (1 + seed)})
    write_json(path / "prediction.json", {"documents": Y.shape[0], "seconds": 0.1 + seed, "one_text_seconds": 0.25})
    steps = [{"kind": "step", "step": n, "loss": 2 / n, "recall_loss": 1 / n, "rank_loss": 1 / n} for n in range(1, 50)]
    scores = [{"P@1": 50.0 + n + seed, "P@3": 40.0 + n, "P@5": 30.0 + n} for n in range(4)]
    epochs = [{"kind": "epoch", "step": 12 * n, "encoded": 900 * n, "validation": at} for n, at in enumerate(scores)]
    write_text(path / "training.jsonl", "".join(json.dumps(line) + "\n" for line in (*steps, *epochs)))
    static = {"negatives": variant} if variant in ("random", "earlier", "all") else {}
    other = {} if static or variant == "dynamic" else {"layers": len(variant)}
    return {**about, "backbone": variant.partition("-")[0], "settings": {"epochs": 3, **static, **other}}


def render(selection: dict[str, Any], root: Path) -> str:
    """The whole page as text; it is in `root`/report.html."""
    write_text(root / "published" / "main.csv", "dataset,method,variant,metric,value,source,verified\n")
    tables = written(results(selection, load_published(root / "published")), root)
    write_figures(chosen(selection), [], root / "figures")
    write_report(chosen(selection), tables, root / "figures", root / "report.html")
    return (root / "report.html").read_text("utf-8")


def check_latex(text: str) -> None:
    """Assert that braces and environments are balanced, rules are booktabs', and rows have all columns."""
    bare = re.sub(r"\\[\\&%$#_{}]", lambda found: "@" if found[0] != r"\\" else r"\\", re.sub(r"(?<!\\)%.*", "", text))
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", bare):
        assert kind == "begin" or opened.pop() == name
        opened += [name] * (kind == "begin")
    assert not opened and r"\hline" not in bare
    for part in bare.split(r"\begin{tabular}")[1:] + bare.split(r"\begin{longtable}")[1:]:
        columns = re.sub(r">\{[^}]*\}p\{[^}]*\}", "l", part.split("\n")[0]).strip("{}")
        body = part.split(r"\bottomrule")[0].split("\n")[1:]
        rows = [line for line in body if line.endswith(r"\\") and not line.startswith(r"\caption")]
        assert rows and {line.count("&") for line in rows} == {len(columns) - 1}
        assert [rule in part for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [True] * 3
