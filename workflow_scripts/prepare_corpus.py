"""Read a dataset in its layout, write the corpus files and verify the statistics."""

from lightxml_core.cli import start

import argparse
from dataclasses import replace
from pathlib import Path

from lightxml_core.corpus.cut import cut
from lightxml_core.corpus.layouts import read
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.reading import Reading
from lightxml_core.corpus.statistics import verify
from lightxml_core.corpus.store import load_label_names, load_stats, write_corpus
from lightxml_core.corpus.types import Corpus
from lightxml_core.definitions.corpus import Expected, Keep, ReadingKeys
from lightxml_core.definitions.reading import from_json
from lightxml_core.downloads.used import read_used
from lightxml_core.files import seal, unchanged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, help="folder of the dataset's files")
    parser.add_argument("--layout", help="layout of these files, if they are the user's own")
    keys = from_json(ReadingKeys, "--reading")
    parser.add_argument(
        "--reading", type=keys, default="{}", help="JSON: the keys of the source that control how it is read"
    )
    parser.add_argument("--split", type=int, default=0, help="which of the splits, from 0")
    parser.add_argument("--used", type=Path, help="instead of --layout: the JSON file written by the download")
    parser.add_argument("--cut", type=Path, help="instead of --raw: corpus folder to cut")
    parser.add_argument("--trn", type=int, help="training documents of the cut")
    parser.add_argument("--tst", type=int, help="test documents of the cut")
    parser.add_argument("--seed", type=int, default=0, help="seed of the cut")
    keep = from_json(Keep, "--keep")
    parser.add_argument("--keep", type=keep, default="[]", help="JSON list: kinds of doubtful documents to keep")
    expected = from_json(Expected, "--expected")
    parser.add_argument(
        "--expected", type=expected, default="{}", help="JSON mapping: expected statistics, if --used has none"
    )
    parser.add_argument("--dataset", required=True, help="name, for messages")
    parser.add_argument("--out", type=Path, required=True, help="corpus folder to write")
    options = parser.parse_args()
    used = read_used(options.used) if options.used else None
    copy = used.address if used else load_stats(options.cut).get("copy") if options.cut else None
    stats = write_corpus(_read(options, used.layout if used else options.layout), options.out, copy)
    seal(options.out)
    own = used.expected if used else None
    try:
        verify(stats, options.expected if own is None else own, f"datasets/{options.dataset}.yaml")
    finally:
        documents = f"{stats['documents_trn']:,} + {stats['documents_tst']:,} documents"
        print(f"{documents}, {stats['labels']:,} labels, {stats['labels_per_document']:.2f} labels per document")


def _read(options: argparse.Namespace, layout: str) -> Corpus:
    leniency = Leniency.of(options.keep)
    if options.cut:
        whole = replace(read("pecos", unchanged(options.cut), leniency), names=load_label_names(options.cut))
        return cut(whole, options.trn, options.tst, options.seed)
    reading = Reading.of(options.reading, options.split)
    return read(layout, unchanged(options.raw) if options.used else options.raw, leniency, reading)


if __name__ == "__main__":
    start(main)
