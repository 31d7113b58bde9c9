"""A page of a small made run, with markup wherever data can hold text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from lightxml_core.files import save_csr, write_json, write_text
from lightxml_core.reporting.figures import write_figures
from lightxml_core.reporting.published import load_published
from lightxml_core.reporting.report import write_report
from lightxml_core.reporting.tables import write_tables

EVIL = "</script><script>alert('x')</script><!-- & \u2028 $\\frac$ \"'"
TRUTH = [[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1]]
SCORES = [[0.9, 0.2, 0.2], [0.1, 0.0, 0.6], [0.0, 0.0, 0.0], [0.4, 0.5, 0.3]]


def evil_selection(root: Path) -> dict[str, Any]:
    """One dataset of four documents and three labels, one run."""
    corpus, run = root / "corpus", root / "run"
    write_json(corpus / "stats.json", {"N_test": 4, "L": 3})
    write_text(corpus / "X.tst.txt", f"first {EVIL}\nsecond\x0btext\n\nfourth\n")
    write_text(corpus / "output-items.txt", f"id0\tzero\nid1\t{EVIL}\ntwo\n")
    save_csr(corpus / "Y.tst.npz", sparse.csr_matrix(np.array(TRUTH, dtype=np.float32)))
    save_csr(run / "predictions.npz", sparse.csr_matrix(np.array(SCORES, dtype=np.float32)))
    write_json(run / "metrics.json", {f"{family}@{k}": 50.0 for family in ("P", "PSP") for k in (1, 3, 5)})
    write_json(run / "provenance.json", {"settings": {"loss": EVIL}, "git_commit": EVIL, "wall_seconds": 61})
    dataset = {"title": EVIL, "published_as": None, "stats": str(corpus / "stats.json")}
    names = {"dataset": "toy", "method": "linear", "variant": EVIL, "seed": 0, "protocol": EVIL, "backbone": EVIL}
    names |= {"settings": {EVIL: EVIL}}
    methods = {"linear": {"title": EVIL, "published_as": None, "implementation": EVIL}}
    return {"target": EVIL, "datasets": {"toy": dataset}, "methods": methods, "runs": [{**names, "path": str(run)}]}


def render(selection: dict[str, Any], root: Path) -> str:
    """The whole page as text; it lies in `root`/report.html."""
    write_text(root / "published" / "main.csv", "dataset,method,variant,metric,value,source,verified\n")
    write_tables(selection, load_published(root / "published"), {"P": 0.5, "PSP": 1.0}, root / "tables")
    write_figures(selection, root / "figures")
    write_report(selection, root / "tables", root / "figures", root / "report.html")
    return (root / "report.html").read_text("utf-8")
