"""Write the report of a target: one HTML page."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.files import made, seal
from lightxml_core.reporting.report import write_report
from lightxml_core.selection import read_selection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selection", type=Path, required=True, help="the target's selection.json")
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="its tables as Markdown, in this order")
    parser.add_argument("--figures", type=Path, required=True, help="folder of its figures")
    parser.add_argument("--out", type=Path, required=True, help="HTML file to write")
    options = parser.parse_args()
    for path in (*options.tables, options.figures):
        made(path)
    write_report(read_selection(options.selection), options.tables, options.figures, options.out)
    seal(options.out)


if __name__ == "__main__":
    start(main)
