"""Write down the runs of a target."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.files import read_json, seal, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selection", type=Path, required=True, help="JSON file, as Registry.selection gives it")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    write_json(options.out, read_json(options.selection))
    seal(options.out)


if __name__ == "__main__":
    start(main)
