"""Evaluate predictions against the test labels."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.corpus.store import load_Y
from lightxml_core.evaluation.diagnosis import calibration, lost_labels, recall_by_depth
from lightxml_core.evaluation.metrics import evaluate, inverse_propensities
from lightxml_core.evaluation.tail import tail_metrics
from lightxml_core.files import load_csr, made, seal, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--a", type=float, default=0.55, help="propensity constant A")
    parser.add_argument("--b", type=float, default=1.5, help="propensity constant B")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args()
    Y_trn, Y_tst, predictions = (
        load_Y(options.corpus, "trn"),
        load_Y(options.corpus, "tst"),
        load_csr(made(options.predictions)),
    )
    metrics = evaluate(predictions, Y_tst, inverse_propensities(Y_trn, options.a, options.b))
    details = {
        "tail": tail_metrics(predictions, Y_tst, Y_trn),
        "lost": lost_labels(predictions, Y_tst, Y_trn),
        "recall_by_depth": recall_by_depth(predictions, Y_tst),
        "calibration": calibration(predictions, Y_tst),
    }
    write_json(options.out, {**metrics, **details})
    seal(options.out)
    print("  ".join(f"{name} {metrics[name]:.2f}" for name in ("P@1", "P@3", "P@5", "PSP@1", "PSP@3", "PSP@5")))


if __name__ == "__main__":
    start(main)
