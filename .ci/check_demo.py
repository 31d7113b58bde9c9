"""Does the demonstration hold what the README promises of it? Exits with 1 and a sentence where it does not."""

import json
import sys
from pathlib import Path

RESULTS = Path("results/hpo-5k-small")


def p_at_1(method: str, variant: str) -> float:
    """P@1 in percent of a run of the demonstration."""
    metrics = json.loads((RESULTS / method / variant / "seed0" / "metrics.json").read_text())
    return float(metrics["P@1"])


def main() -> None:
    floors = {name: p_at_1(name, "single") for name in ("popularity", "knn")}
    linear = {name: p_at_1(name, "single") for name in ("parabel", "bonsai")}
    ensemble, minilm = p_at_1("lightxml-fast", "ensemble"), p_at_1("lightxml-fast", "minilm")
    print(f"P@1: ensemble {ensemble:.2f}, MiniLM {minilm:.2f}, {floors}, {linear}")
    if ensemble <= max(floors.values()):
        sys.exit(f"the LightXML ensemble ({ensemble:.2f}) is not above the floors {floors}")
    if minilm <= max(linear.values()):
        sys.exit(f"the MiniLM member ({minilm:.2f}) is not above the linear methods {linear}")
    print("demo ok")


if __name__ == "__main__":
    main()
