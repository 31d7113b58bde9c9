"""Predict labels of the test documents with a trained member."""

from lightxml_core.cli import start

import argparse
import time
from itertools import islice
from pathlib import Path

from lightxml_core.corpus.lines import read_lines
from lightxml_core.corpus.store import load_stats
from lightxml_core.files import save_csr, seal, unchanged, write_json
from lightxml_core.latency import TEXTS, seconds_for_one_text
from lightxml_core.methods import load_model
from lightxml_core.methods.inputs import Inputs, add_prediction_options, load_test_data
from lightxml_core.training.devices import lease_gpus, set_threads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_prediction_options(parser)
    parser.add_argument("--cost", type=Path, required=True, help="JSON file to write: time of all documents and of one")
    options = parser.parse_args()
    set_threads(options.threads)
    unchanged(options.model)
    documents, texts = load_test_data(Inputs.of(options)), _some_texts(options.corpus)
    with lease_gpus():
        started = time.monotonic()
        best = load_model(options.method, options.model)
        predictions = best(documents, options.top)
        seconds = time.monotonic() - started
        one = seconds_for_one_text(options.model, best, documents, texts)
    save_csr(options.out, predictions)
    seal(options.out)
    cost = {"documents": predictions.shape[0], "seconds": round(seconds, 4)}
    write_json(options.cost, {**cost, "one_text_seconds": None if one is None else round(one, 7)})
    seal(options.cost)


def _some_texts(corpus: Path) -> list[str]:
    """Some of the test texts, spread over all; none of a bag of words."""
    step = max(1, load_stats(corpus)["documents_tst"] // TEXTS)
    return list(islice(read_lines(unchanged(corpus / "X.tst.txt")), 0, TEXTS * step, step))


if __name__ == "__main__":
    start(main)
