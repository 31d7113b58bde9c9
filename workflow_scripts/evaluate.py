"""Evaluate predictions against the test labels."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.corpus.store import load_Y
from lightxml_core.evaluation.catalogue import GROUPS, HEADLINE
from lightxml_core.evaluation.evaluate import evaluate_run
from lightxml_core.files import load_csr, save_array, seal, unchanged, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--a", type=float, default=0.55, help="propensity constant A")
    parser.add_argument("--b", type=float, default=1.5, help="propensity constant B")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--documents", type=Path, required=True, help=".npy to write: what each document contributes")
    options = parser.parse_args()
    Y_trn, Y_tst, predictions = (
        load_Y(options.corpus, "trn"),
        load_Y(options.corpus, "tst"),
        load_csr(unchanged(options.predictions)),
    )
    found = evaluate_run(predictions, Y_tst, Y_trn, options.a, options.b)
    save_array(options.documents, found.documents)
    seal(options.documents)
    write_json(options.out, found.metrics)
    seal(options.out)
    values = {name: value for group in GROUPS for name, value in found.metrics[group].items()}
    print("  ".join(f"{name} {values[name]:.2f}" for name in HEADLINE))


if __name__ == "__main__":
    start(main)
