"""Draw the figures of a target."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.files import seal
from lightxml_core.reporting.figures.drawing import write_figures
from lightxml_core.reporting.published import load_curves
from lightxml_core.selection import read_selection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selection", type=Path, required=True, help="the target's selection.json")
    parser.add_argument("--published", type=Path, required=True, help="folder of published figures")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    write_figures(read_selection(options.selection), load_curves(options.published), options.out)
    seal(options.out)


if __name__ == "__main__":
    start(main)
