"""Combine the predictions of several members."""

import argparse
from pathlib import Path

from lightxml_core.cli import start
from lightxml_core.evaluation.ensemble import ensemble
from lightxml_core.files import load_csr, save_csr, seal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=Path, nargs="+", required=True, help="predictions of the members")
    parser.add_argument("--how", choices=["mean", "sum", "rank"], required=True)
    parser.add_argument("--top", type=int, default=100, help="scores to keep a document")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    save_csr(options.out, ensemble([load_csr(path) for path in options.members], options.how, options.top))
    seal(options.out)


if __name__ == "__main__":
    start(main)
