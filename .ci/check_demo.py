"""Are LightXML and the hybrid above their baselines, and all figures as archived? Exits with 1 if not."""

import csv
import json
import sys
from pathlib import Path

RESULTS, ARCHIVED = Path("results/hpo-5k-small"), Path("results/targets/demo/tables/archived.csv")


def p_at_1(method: str, variant: str) -> float:
    """P@1 in percent of a run of the demonstration."""
    metrics = json.loads((RESULTS / method / variant / "seed0" / "metrics.json").read_text())
    return float(metrics["accuracy"]["P@1"])


def main() -> None:
    trivial = {name: p_at_1(name, "single") for name in ("popularity", "knn")}
    linear = {name: p_at_1(name, "single") for name in ("one-vs-rest", "parabel", "bonsai")}
    lightxml = {name: p_at_1("lightxml-demo", name) for name in ("minilm", "two-heads")}
    hybrid = p_at_1("lightxml-demo-hybrid", "single")
    print(f"P@1: hybrid {hybrid:.2f}, LightXML {lightxml}, {trivial}, {linear}")
    for name, value in {**lightxml, "hybrid": hybrid}.items():
        if value <= max(trivial.values()):
            sys.exit(f"LightXML ({name}, {value:.2f}) is not above the trivial baselines {trivial}")
    if hybrid <= max(linear.values()):
        sys.exit(f"the hybrid ({hybrid:.2f}) is not above the linear methods {linear}")
    with ARCHIVED.open(encoding="utf-8", newline="") as opened:
        off = [row for row in csv.DictReader(opened) if row["outcome"] == "off"]
    if off:
        shown = ", ".join(f"{row['method']} {row['metric']} {row['difference']}" for row in off)
        sys.exit(f"{len(off)} figures are not as archived: {shown}: see {ARCHIVED.with_suffix('.md')}")
    print("demo ok")


if __name__ == "__main__":
    main()
