"""Download a dataset and unpack it."""

from lightxml_core.cli import start

import argparse
import json
from pathlib import Path

from lightxml_core.downloads.lock import Lock
from lightxml_core.downloads.sources import download_dataset
from lightxml_core.files import seal, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=json.loads, required=True, help="JSON: `source` of the dataset's file")
    parser.add_argument("--archives", type=Path, required=True, help="folder where downloads are kept")
    parser.add_argument("--lock", type=Path, required=True, help="JSON file of checksums seen before")
    parser.add_argument("--raw", type=Path, required=True, help="folder to unpack to")
    parser.add_argument("--used", type=Path, required=True, help="JSON file to write: what was used, and its layout")
    options = parser.parse_args()
    used = download_dataset(options.source, options.archives, options.raw, Lock(options.lock))
    seal(options.raw)
    write_json(options.used, used)
    seal(options.used)


if __name__ == "__main__":
    start(main)
