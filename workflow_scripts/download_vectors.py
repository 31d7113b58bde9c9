"""Download word vectors and store them in one format."""

from lightxml_core.cli import start

import argparse
import json
from pathlib import Path

from lightxml_core.definitions.vectors import source_of
from lightxml_core.downloads.lock import Lock
from lightxml_core.downloads.vectors import download_vectors
from lightxml_core.files import seal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=json.loads, required=True, help="JSON: `source` of the file in vectors/")
    parser.add_argument("--archives", type=Path, required=True, help="folder where downloads are kept")
    parser.add_argument("--lock", type=Path, required=True, help="JSON file of recorded checksums")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    download_vectors(source_of(options.source), options.archives, options.out, Lock(options.lock))
    seal(options.out)


if __name__ == "__main__":
    start(main)
