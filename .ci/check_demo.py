"""Is the demonstration's LightXML ensemble above the floors? Exits with 1 and a sentence if not.

The linear methods are shown beside it, not demanded: omikuji has no seed, and figures differ a little by processor.
"""

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
    print("demo ok")


if __name__ == "__main__":
    main()
