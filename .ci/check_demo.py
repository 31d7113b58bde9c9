"""Is the demonstration's MiniLM above the trivial baselines, and are the figures as archived? Exits with 1 if not.

The linear methods are shown beside it, not demanded: omikuji has no seed, and figures differ a little by processor.
"""

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
    linear = {name: p_at_1(name, "single") for name in ("parabel", "bonsai")}
    minilm, two_heads = p_at_1("lightxml-fast", "minilm"), p_at_1("lightxml-demo", "tree0")
    print(f"P@1: MiniLM {minilm:.2f}, two heads {two_heads:.2f}, {trivial}, {linear}")
    if minilm <= max(trivial.values()):
        sys.exit(f"LightXML with MiniLM ({minilm:.2f}) is not above the trivial baselines {trivial}")
    if two_heads <= trivial["popularity"]:
        sys.exit(f"LightXML with two heads ({two_heads:.2f}) is not above popularity ({trivial['popularity']:.2f})")
    with ARCHIVED.open(encoding="utf-8", newline="") as opened:
        off = [row for row in csv.DictReader(opened) if row["outcome"] == "off"]
    if off:
        shown = ", ".join(f"{row['method']} {row['metric']} {row['difference']}" for row in off)
        sys.exit(f"{len(off)} figures are not as archived: {shown}: see {ARCHIVED.with_suffix('.md')}")
    print("demo ok")


if __name__ == "__main__":
    main()
