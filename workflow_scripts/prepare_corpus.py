"""Read a dataset in its layout, write the corpus files and verify the statistics."""

from lightxml_core.cli import start

import argparse
import json
from dataclasses import replace
from pathlib import Path

from lightxml_core.corpus.cut import cut
from lightxml_core.corpus.layouts import read
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.reading import Reading
from lightxml_core.corpus.statistics import verify
from lightxml_core.corpus.store import load_label_names, load_stats, write_corpus
from lightxml_core.corpus.types import Corpus
from lightxml_core.downloads.datasets import origin_of
from lightxml_core.files import made, read_json, seal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, help="folder of the dataset's files")
    parser.add_argument("--layout", help="layout of these files, if they are the user's own")
    parser.add_argument(
        "--reading", type=json.loads, default={}, help="JSON: the keys of the source that control how it is read"
    )
    parser.add_argument("--split", type=int, default=0, help="which of the splits, from 0")
    parser.add_argument("--used", type=Path, help="instead of --layout: the JSON file written by the download")
    parser.add_argument("--cut", type=Path, help="instead of --raw: corpus folder to cut")
    parser.add_argument("--trn", type=int, help="training documents of the cut")
    parser.add_argument("--tst", type=int, help="test documents of the cut")
    parser.add_argument("--seed", type=int, default=0, help="seed of the cut")
    parser.add_argument("--keep", type=json.loads, default=[], help="JSON list: kinds of doubtful documents to keep")
    parser.add_argument(
        "--expected", type=json.loads, default={}, help="JSON mapping: expected statistics, if --used has none"
    )
    parser.add_argument("--dataset", required=True, help="name, for messages")
    parser.add_argument("--out", type=Path, required=True, help="corpus folder to write")
    options = parser.parse_args()
    used = read_json(made(options.used)) if options.used else {"layout": options.layout}
    copy = load_stats(options.cut).get("copy") if options.cut else origin_of(used)
    stats = write_corpus(_read(options, used["layout"]), options.out, copy)
    seal(options.out)
    try:
        verify(stats, used.get("expected", options.expected), f"datasets/{options.dataset}.yaml")
    finally:
        print(json.dumps(stats, indent=2))


def _read(options: argparse.Namespace, layout: str) -> Corpus:
    leniency = Leniency.of(options.keep)
    if options.cut:
        whole = replace(read("pecos", made(options.cut), leniency), names=load_label_names(options.cut))
        return cut(whole, options.trn, options.tst, options.seed)
    reading = Reading.of(options.reading, options.split)
    return read(layout, made(options.raw) if options.used else options.raw, leniency, reading)


if __name__ == "__main__":
    start(main)
