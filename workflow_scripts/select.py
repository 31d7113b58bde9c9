"""Write the list of a target's runs."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.files import read_json, seal, write_json
from lightxml_core.selection import Selection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selection", type=Path, required=True, help="JSON file, the contents of selection.json")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    write_json(options.out, Selection.from_json(read_json(options.selection)).to_json())
    seal(options.out)


if __name__ == "__main__":
    start(main)
