"""Predict labels of the test documents with a trained member."""

from lightxml_core.cli import start

import argparse
import time
from pathlib import Path

from lightxml_core.files import save_csr, seal, unchanged, write_json
from lightxml_core.methods import load_method
from lightxml_core.methods.inputs import Inputs, add_prediction_options, load_test_data
from lightxml_core.training.devices import lease_gpus, set_threads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_prediction_options(parser)
    parser.add_argument("--cost", type=Path, required=True, help="JSON file to write: the time it took")
    options = parser.parse_args()
    set_threads(options.threads)
    unchanged(options.model)
    method, documents = load_method(options.method), load_test_data(Inputs.of(options))
    with lease_gpus():
        started = time.monotonic()
        predictions = method.predict(options.model, documents, options.top)
        seconds = time.monotonic() - started
    save_csr(options.out, predictions)
    seal(options.out)
    write_json(options.cost, {"documents": predictions.shape[0], "seconds": round(seconds, 4)})
    seal(options.cost)


if __name__ == "__main__":
    start(main)
