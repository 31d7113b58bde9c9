"""Evaluate predictions against the test labels."""

import argparse
from pathlib import Path

from lightxml_core.cli import start
from lightxml_core.corpus.store import load_Y
from lightxml_core.evaluation.metrics import evaluate, inverse_propensities
from lightxml_core.files import load_csr, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--a", type=float, default=0.55, help="propensity constant A")
    parser.add_argument("--b", type=float, default=1.5, help="propensity constant B")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args()
    weights = inverse_propensities(load_Y(options.corpus, "trn"), options.a, options.b)
    metrics = evaluate(load_csr(options.predictions), load_Y(options.corpus, "tst"), weights)
    write_json(options.out, metrics)
    print("  ".join(f"{name} {metrics[name]:.2f}" for name in ("P@1", "P@3", "P@5", "PSP@1", "PSP@3", "PSP@5")))


if __name__ == "__main__":
    start(main)
