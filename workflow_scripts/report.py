"""Write the report of a target, one HTML page, and the cards of its models."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.files import made, seal
from lightxml_core.reporting.cards import write_cards
from lightxml_core.reporting.page.report import write_report
from lightxml_core.reporting.tables import read_tables
from lightxml_core.selection import read_selection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selection", type=Path, required=True, help="the target's selection.json")
    parser.add_argument("--tables", type=Path, required=True, help="its tables as JSON")
    parser.add_argument("--figures", type=Path, required=True, help="folder of its figures")
    parser.add_argument("--out", type=Path, required=True, help="HTML file to write")
    parser.add_argument("--cards", type=Path, required=True, help="folder of model cards to write")
    options = parser.parse_args()
    made(options.figures)
    selection = read_selection(options.selection)
    write_report(selection, read_tables(options.tables), options.figures, options.out)
    write_cards(selection, options.cards)
    for path in (options.out, options.cards):
        seal(path)


if __name__ == "__main__":
    start(main)
