"""`python -m lightxml_core predict`: tag texts with a trained model; `… plan`: what a target would take.

`… archive`: keep the figures of a finished target; `… compare`: two runs, with intervals of their differences;
`… export`: the models of a finished target in folders to upload.
"""

from __future__ import annotations

from lightxml_core.cli import start

import argparse
import json
import math
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lightxml_core.corpus.lines import read_lines
from lightxml_core.errors import InputError
from lightxml_core.json_lines import read_documents
from lightxml_core.values import KEPT_SCORES

if TYPE_CHECKING:
    from lightxml_core.predictor import Similar, Tag

_WORDS, _DOCUMENTS = 5, 3  # shown by --explain per label, at most
_FEW, _MANY = 5, KEPT_SCORES  # labels per text


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lightxml_core", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="predict|plan|archive|compare|export", dest="command")
    predict = commands.add_parser("predict", help="print labels with their scores")
    predict.add_argument("--model", type=Path, required=True, help="folder that training left")
    predict.add_argument(
        *("--max-labels", "--top"),
        type=_count,
        help=f"the most labels per text (default: {_FEW}, or {_MANY} with a least score)",
    )
    least = predict.add_mutually_exclusive_group()
    least.add_argument("--min-score", type=_score, help="the least score of a label")
    least.add_argument(
        "--threshold", choices=["micro", "document"], help="the one of the highest F1, if the model has it"
    )
    predict.add_argument(
        "--explain",
        action="store_true",
        help=f"add the {_WORDS} words that added most to each label, and {_DOCUMENTS} similar training documents",
    )
    predict.add_argument("--threads", type=_count, default=1)
    predict.add_argument("--file", type=Path, help="a file of texts, one per line; prints JSON lines")
    predict.add_argument(
        "--jsonl",
        action="store_true",
        help='read a text or {"text": …, "id": …} per line from standard input; print an object for each at once',
    )
    predict.add_argument("text", nargs="?", help="one text")
    plan = commands.add_parser("plan", help="print the time, memory, disk and downloads that a target would take")
    plan.add_argument("--target", default="all", help="a target of the configuration, or a dataset")
    plan.add_argument("--configfile", type=Path, nargs="+", default=[], help="laid over config.yaml, as snakemake does")
    plan.add_argument("--teraflops", type=_rate, help="rate of training, measured by benchmarks/encoder_gpu.py")
    archive = commands.add_parser("archive", help="put the runs of a finished target into the archive, or check it")
    what = archive.add_mutually_exclusive_group(required=True)
    what.add_argument("--target", help="a finished target: its runs replace those that the archive has")
    what.add_argument("--check", action="store_true", help="check every file of the archive")
    archive.add_argument("--folder", type=Path, default=Path("archive"), help="of the archive (default: %(default)s)")
    archive.add_argument("--unfinished", action="store_true", help="archive the finished runs of an unfinished target")
    compare = commands.add_parser("compare", help="print the differences of two runs, targets or archived methods")
    compare.add_argument("one", metavar="A", help="folder of a run, a target, or a folder of the archive")
    compare.add_argument("other", metavar="B", help="what it is compared with: the same kinds")
    compare.add_argument("--folder", type=Path, default=Path("archive"), help="of the archive (default: %(default)s)")
    export = commands.add_parser("export", help="write a folder per model of a finished target, to upload to a hub")
    export.add_argument("--target", required=True, help="a finished target")
    export.add_argument("--out", type=Path, required=True, help="the folder to write; it must not exist")
    options = parser.parse_args()
    if options.command == "export":
        return _export(options)
    if options.command == "compare":
        return _compare(options)
    if options.command == "plan":
        return _plan(options)
    if options.command == "archive":
        return _archive(options)
    if options.text is not None and not options.text.strip():
        parser.error("the text is empty")
    if [options.text is not None, options.file is not None, options.jsonl].count(True) != 1:
        parser.error("give one text, or --file with a file of texts, or --jsonl")
    _predict(options)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


_count.__name__ = "integer"  # as argparse names it for what is no number


def _score(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is no score: give a number")
    return number


_score.__name__ = "number"


def _rate(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no rate: give a number above 0")
    return number


_rate.__name__ = "number"


def _predict(options: argparse.Namespace) -> None:
    from lightxml_core.predictor import Predictor
    from lightxml_core.training.devices import set_threads

    if sys.stdout is None or (options.jsonl and sys.stdin is None):
        raise InputError("the input or the output is closed: there is nothing to read, or nowhere to print to")
    set_threads(min(options.threads, os.cpu_count() or 1))
    texts = None if options.file is None else list(read_lines(options.file))
    predictor = Predictor(options.model)
    least = options.min_score if options.threshold is None else predictor.threshold(options.threshold)
    most = options.max_labels or (_FEW if least is None else _MANY)
    words, alike = (_WORDS, _DOCUMENTS) if options.explain else (0, 0)
    tag = partial(predictor.predict, top=most, min_score=least, words=words, documents=alike)
    if options.jsonl:
        for documents in read_documents(cast(BufferedReader, sys.stdin.buffer)):
            tagged = zip(documents, tag([document.text for document in documents]), strict=True)
            _print(_json({**document.about, "tags": _plain(tags)}) for document, tags in tagged)
    elif texts is not None:
        _print(_json(_plain(tags)) for tags in tag(texts))
    else:
        _print(f"{tag.score:.3f}  {_shown(tag)}" for tag in tag([options.text])[0])


def _print(lines: Iterable[str]) -> None:
    """At once, so that nothing is printed where a part cannot be."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _json(value: Any) -> str:
    escaped = (sys.stdout.encoding or "utf-8").lower() != "utf-8"  # JSON can say every character in ASCII
    return json.dumps(value, ensure_ascii=escaped)


def _plain(tags: list[Tag]) -> list[dict[str, Any]]:
    return [asdict(tag, dict_factory=_known) for tag in tags]


def _known(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in items if value is not None}


def _shown(tag: Tag) -> str:
    lines = [tag.name if tag.name == tag.label else f"{tag.label}  {tag.name}"]
    lines += [f"{word.weight:+.3f}  {word.word}" for word in tag.words or ()]
    lines += [f"{one.similarity: .3f}  training document {one.document}{_said(one)}" for one in tag.documents or ()]
    return "\n       ".join(lines)


def _said(document: Similar) -> str:
    return "" if document.text is None else f": {document.text}"


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


def _compare(options: argparse.Namespace) -> None:
    from lightxml_core.archive.compare import compare

    print(compare(options.one, options.other, options.folder))


def _archive(options: argparse.Namespace) -> None:
    from lightxml_core.archive.store import archive_target, read_archive
    from lightxml_core.selection import read_selection

    if options.check:
        print(f"{len(read_archive(options.folder)):,} runs in {options.folder}, all in order")
        return
    selection = read_selection(Path("results/targets") / options.target / "selection.json")
    before = read_archive(options.folder)
    places = archive_target(selection, options.folder, options.unfinished)
    new = len([place for place in places if place not in before])
    print(f"{len(places):,} runs of {options.target} in {options.folder}: {new:,} new, {len(places) - new:,} replaced")


def _export(options: argparse.Namespace) -> None:
    from lightxml_core.reporting.cards import export_models
    from lightxml_core.selection import read_selection

    selection = read_selection(Path("results/targets") / options.target / "selection.json")
    _print(str(folder) for folder in export_models(selection, options.out))


def _values(path: Path) -> dict[str, Any]:
    from lightxml_core.registry import read_config

    values = read_config(path)
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no keys: expected a mapping such as `targets: …`")
    return values


if __name__ == "__main__":
    start(main)
