"""Draw the validation split at random."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.corpus.split import validation_rows
from lightxml_core.files import load_csr, save_array, seal, unchanged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=Path, required=True, help="Y.trn.npz")
    parser.add_argument("--documents", type=int, help="how many to hold out (default: a tenth, but at most 200)")
    parser.add_argument("--dataset", required=True, help="name, for messages")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="npy file of row ids")
    options = parser.parse_args()
    where = f"datasets/{options.dataset}.yaml: validation"
    save_array(
        options.out, validation_rows(load_csr(unchanged(options.labels)), options.documents, options.seed, where)
    )
    seal(options.out)


if __name__ == "__main__":
    start(main)
