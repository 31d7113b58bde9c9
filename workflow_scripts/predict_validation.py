"""Predict the validation documents with a model that did not learn from them."""

from lightxml_core.cli import start

import argparse

from lightxml_core.files import save_csr, seal, unchanged
from lightxml_core.methods import load_method
from lightxml_core.methods.inputs import Inputs, add_prediction_options, load_validation_data
from lightxml_core.training.devices import lease_gpus, set_threads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_prediction_options(parser)
    options = parser.parse_args()
    set_threads(options.threads)
    method, documents = load_method(options.method), load_validation_data(Inputs.of(options))
    with lease_gpus():
        predictions = method.predict(unchanged(options.model), documents, options.top)
    save_csr(options.out, predictions)
    seal(options.out)


if __name__ == "__main__":
    start(main)
