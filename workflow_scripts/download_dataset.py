"""Download a dataset, unpack it and check that it is the expected one."""

from lightxml_core.cli import start

import argparse
import json
from pathlib import Path

from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.reading import Reading
from lightxml_core.definitions.corpus import Expected, Keep
from lightxml_core.definitions.dataset import source_of
from lightxml_core.definitions.kinds import plain
from lightxml_core.definitions.reading import from_json
from lightxml_core.downloads.datasets import Demands, download_dataset
from lightxml_core.downloads.lock import Lock
from lightxml_core.files import seal, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=json.loads, required=True, help="JSON: `source` of the dataset's file")
    parser.add_argument("--dataset", required=True, help="its name, for messages")
    keep = from_json(Keep, "--keep")
    parser.add_argument("--keep", type=keep, default="[]", help="JSON list: kinds of doubtful documents to keep")
    expected = from_json(Expected, "--expected")
    parser.add_argument("--expected", type=expected, default="{}", help="JSON mapping: expected statistics")
    parser.add_argument("--archives", type=Path, required=True, help="folder where downloads are kept")
    parser.add_argument("--lock", type=Path, required=True, help="JSON file of recorded checksums")
    parser.add_argument("--raw", type=Path, required=True, help="folder to unpack to")
    parser.add_argument("--used", type=Path, required=True, help="JSON file to write: the copy used and its layout")
    options = parser.parse_args()
    source = source_of(options.source)
    demands = Demands(options.dataset, options.expected, Leniency.of(options.keep), Reading.of(source))
    used = download_dataset(source, demands, options.archives, options.raw, Lock(options.lock))
    seal(options.raw)
    write_json(options.used, plain(used))
    seal(options.used)


if __name__ == "__main__":
    start(main)
