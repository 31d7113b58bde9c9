"""Download a pretrained encoder."""

from lightxml_core.cli import start

import argparse
import json
from pathlib import Path

from lightxml_core.definitions.backbone import source_of
from lightxml_core.downloads.sources import download_encoder
from lightxml_core.files import seal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=json.loads, required=True, help="JSON: `source` of the backbone's file")
    parser.add_argument("--archives", type=Path, required=True, help="folder where downloads are kept")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    download_encoder(source_of(options.source), options.archives, options.out)
    seal(options.out)


if __name__ == "__main__":
    start(main)
