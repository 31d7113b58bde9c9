"""`python -m lightxml_core predict`: tag texts with a trained model; `… plan`: what a target would take."""

from __future__ import annotations

from lightxml_core.cli import start

import argparse
import json
import math
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lightxml_core.corpus.lines import read_lines
from lightxml_core.errors import InputError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lightxml_core", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="predict|plan", dest="command")
    predict = commands.add_parser("predict", help="print labels with their scores")
    predict.add_argument("--model", type=Path, required=True, help="folder that training left")
    predict.add_argument("--top", type=_count, default=5, help="labels a text")
    predict.add_argument("--threads", type=_count, default=1)
    predict.add_argument("--file", type=Path, help="a file of texts, one a line; prints JSON lines")
    predict.add_argument("text", nargs="?", help="one text")
    plan = commands.add_parser("plan", help="print the time, memory, disk and downloads that a target would take")
    plan.add_argument("--target", default="all", help="a target of the configuration, or a dataset")
    plan.add_argument("--configfile", type=Path, nargs="+", default=[], help="laid over config.yaml, as snakemake does")
    plan.add_argument("--teraflops", type=_rate, help="rate of training, measured by benchmarks/encoder_gpu.py")
    options = parser.parse_args()
    if options.command == "plan":
        return _plan(options)
    if options.text is not None and not options.text.strip():
        parser.error("the text is empty")
    if (options.text is None) == (options.file is None):
        parser.error("give one text, or --file with a file of texts")
    _predict(options)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


_count.__name__ = "integer"  # as argparse names it for what is no number


def _rate(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no rate: give a number above 0")
    return number


_rate.__name__ = "number"


def _predict(options: argparse.Namespace) -> None:
    from lightxml_core.predictor import Predictor, Tag
    from lightxml_core.training.devices import set_threads

    def shown(tag: Tag) -> str:
        return tag.name if tag.name == tag.label else f"{tag.label}  {tag.name}"

    if sys.stdout is None:
        raise InputError("the output is closed: there is nowhere to print to")
    set_threads(min(options.threads, os.cpu_count() or 1))
    texts = [options.text] if options.file is None else list(read_lines(options.file))
    found = Predictor(options.model).predict(texts, options.top)
    if options.file is None:
        lines = [f"{tag.score:.3f}  {shown(tag)}\n" for tag in found[0]]
    else:
        escaped = (sys.stdout.encoding or "utf-8").lower() != "utf-8"  # JSON can say every character in ASCII
        lines = [json.dumps([asdict(tag) for tag in tags], ensure_ascii=escaped) + "\n" for tags in found]
    sys.stdout.write("".join(lines))  # at once, so that nothing is printed where a part cannot be


def _plan(options: argparse.Namespace) -> None:
    from lightxml_core.planning.plan import plan_table, this_machine
    from lightxml_core.registry import load_registry
    from lightxml_core.registry.origin import Origin, lay_over

    root = Path.cwd()
    if not (root / "config.yaml").is_file():
        raise InputError(f"{root} holds no config.yaml: start the program in the project's folder")
    config = dict(_values(root / "config.yaml"))
    layers = [(str(path), _values(path)) for path in options.configfile]
    for _, values in layers:
        lay_over(config, values)
    registry = load_registry(root, config, Origin(layers))
    if options.target not in registry.targets:
        raise InputError(f"no target {options.target!r}: there are {', '.join(registry.targets)}")
    print(plan_table(registry, options.target, root, this_machine(root, options.teraflops)))


def _values(path: Path) -> dict[str, Any]:
    from lightxml_core.registry import read_config

    values = read_config(path)
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no keys: expected a mapping such as `targets: …`")
    return values


if __name__ == "__main__":
    start(main)
