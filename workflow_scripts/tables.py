"""Write the tables of a target."""

from lightxml_core.cli import start

import argparse
import json
from pathlib import Path

from lightxml_core.files import seal
from lightxml_core.reporting.published import load_published
from lightxml_core.reporting.tables import write_tables
from lightxml_core.selection import read_selection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selection", type=Path, required=True, help="the target's selection.json")
    parser.add_argument("--published", type=Path, required=True, help="folder of published figures")
    parser.add_argument("--tolerance", type=json.loads, required=True, help="JSON: points by family of metric")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    write_tables(read_selection(options.selection), load_published(options.published), options.tolerance, options.out)
    seal(options.out)


if __name__ == "__main__":
    start(main)
