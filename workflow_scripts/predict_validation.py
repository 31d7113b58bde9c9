"""Predict the validation documents with a model that did not learn from them."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.files import made, save_csr, seal
from lightxml_core.methods import load_method
from lightxml_core.methods.inputs import Inputs, load_validation_data
from lightxml_core.training.devices import lease_gpus, set_threads
from lightxml_core.values import KEPT_SCORES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", required=True, help="name of the implementation")
    Inputs.add_options(parser)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--top", type=int, default=KEPT_SCORES, help="scores to keep per document")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="CSR file, validation documents by labels")
    options = parser.parse_args()
    set_threads(options.threads)
    method, documents = load_method(options.method), load_validation_data(Inputs.of(options))
    with lease_gpus():
        predictions = method.predict(made(options.model), documents, options.top)
    save_csr(options.out, predictions)
    seal(options.out)


if __name__ == "__main__":
    start(main)
