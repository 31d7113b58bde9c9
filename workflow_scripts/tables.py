"""Write the tables of a target."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.archive.entry import read_entries
from lightxml_core.archive.trail import archived_place
from lightxml_core.definitions.config import Tolerances
from lightxml_core.definitions.reading import from_json
from lightxml_core.files import seal
from lightxml_core.reporting.published import load_published
from lightxml_core.reporting.tables import Results, write_tables
from lightxml_core.selection import read_selection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selection", type=Path, required=True, help="the target's selection.json")
    parser.add_argument("--published", type=Path, required=True, help="folder of published figures")
    tolerances = from_json(Tolerances, "--tolerance")
    parser.add_argument("--tolerance", type=tolerances, required=True, help="JSON: percentage points by metric")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--data", type=Path, required=True, help="JSON file to write, for the report")
    parser.add_argument("--archive", type=Path, required=True, help="folder of archived runs, which need not exist")
    options = parser.parse_args()
    selection = read_selection(options.selection)
    archive = read_entries(options.archive, map(archived_place, selection.runs))
    results = Results(selection, load_published(options.published), options.tolerance, archive)
    write_tables(results, options.out, options.data)
    seal(options.out)
    seal(options.data)


if __name__ == "__main__":
    start(main)
