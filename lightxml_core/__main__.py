"""`python -m lightxml_core predict`: tag texts with a trained model; `… plan`: what a target would take."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from lightxml_core.cli import start
from lightxml_core.corpus.lines import read_lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lightxml_core", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="predict|plan", dest="command")
    predict = commands.add_parser("predict", help="print labels with their scores")
    predict.add_argument("--model", type=Path, required=True, help="folder that training left")
    predict.add_argument("--top", type=int, default=5, help="labels a text")
    predict.add_argument("--threads", type=int, default=1)
    predict.add_argument("--file", type=Path, help="a file of texts, one a line; prints JSON lines")
    predict.add_argument("text", nargs="?", help="one text")
    plan = commands.add_parser("plan", help="print the time, memory, disk and downloads that a target would take")
    plan.add_argument("--target", default="all", help="a target of config.yaml, or a dataset")
    plan.add_argument("--teraflops", type=float, help="rate of training, measured by benchmarks/encoder_gpu.py")
    options = parser.parse_args()
    if options.command == "plan":
        return _plan(options)
    if (options.text is None) == (options.file is None):
        parser.error("give one text, or --file with a file of texts")
    _predict(options)


def _predict(options: argparse.Namespace) -> None:
    from lightxml_core.predictor import Predictor, Tag
    from lightxml_core.training.devices import set_threads

    def shown(tag: Tag) -> str:
        return tag.name if tag.name == tag.label else f"{tag.label}  {tag.name}"

    set_threads(options.threads)
    texts = [options.text] if options.file is None else list(read_lines(options.file))
    found = Predictor(options.model).predict(texts, options.top)
    if options.file is None:
        sys.stdout.writelines(f"{tag.score:.3f}  {shown(tag)}\n" for tag in found[0])
    else:
        sys.stdout.writelines(json.dumps([asdict(tag) for tag in tags], ensure_ascii=False) + "\n" for tags in found)


def _plan(options: argparse.Namespace) -> None:
    from lightxml_core.errors import InputError
    from lightxml_core.plan import spelled, this_machine
    from lightxml_core.registry import load_registry, read_config

    root = Path.cwd()
    registry = load_registry(root, read_config(root / "config.yaml"))
    if options.target not in registry.targets:
        raise InputError(f"no target {options.target!r}: there are {', '.join(registry.targets)}")
    print(spelled(registry, options.target, root, this_machine(root, options.teraflops)))


if __name__ == "__main__":
    start(main)
