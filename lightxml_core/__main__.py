"""`python -m lightxml_core predict`: tag texts with a trained model."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from lightxml_core.cli import start
from lightxml_core.corpus.lines import read_lines
from lightxml_core.predictor import Predictor, Tag
from lightxml_core.training.devices import set_threads


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lightxml_core", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="predict")
    predict = commands.add_parser("predict", help="print labels with their scores")
    predict.add_argument("--model", type=Path, required=True, help="folder that training left")
    predict.add_argument("--top", type=int, default=5, help="labels a text")
    predict.add_argument("--threads", type=int, default=1)
    predict.add_argument("--file", type=Path, help="a file of texts, one a line; prints JSON lines")
    predict.add_argument("text", nargs="?", help="one text")
    options = parser.parse_args()
    if (options.text is None) == (options.file is None):
        parser.error("give one text, or --file with a file of texts")
    set_threads(options.threads)
    texts = [options.text] if options.file is None else list(read_lines(options.file))
    found = Predictor(options.model).predict(texts, options.top)
    if options.file is None:
        sys.stdout.writelines(f"{tag.score:.3f}  {_shown(tag)}\n" for tag in found[0])
    else:
        sys.stdout.writelines(json.dumps([asdict(tag) for tag in tags], ensure_ascii=False) + "\n" for tags in found)


def _shown(tag: Tag) -> str:
    return tag.name if tag.name == tag.label else f"{tag.label}  {tag.name}"


if __name__ == "__main__":
    start(main)
