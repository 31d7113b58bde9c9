"""Write the report of a target, one HTML page, and what describes it in standard formats.

Beside the page lie ro-crate-metadata.json, a copy of the workflow's main file, a reproducibility checklist, and folders
of model cards and of descriptions of datasets.
"""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.files import seal, unchanged
from lightxml_core.reporting.cards import write_cards
from lightxml_core.reporting.checklist import NAME as CHECKLIST
from lightxml_core.reporting.checklist import write_checklist
from lightxml_core.reporting.crate import NAME, WORKFLOW, write_crate
from lightxml_core.reporting.croissant import write_croissants
from lightxml_core.reporting.page.report import write_report
from lightxml_core.reporting.tables import read_tables
from lightxml_core.selection import read_selection


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--selection", type=Path, required=True, help="the target's selection.json")
    parser.add_argument("--tables", type=Path, required=True, help="its tables as JSON")
    parser.add_argument("--figures", type=Path, required=True, help="folder of its figures")
    parser.add_argument("--out", type=Path, required=True, help="HTML file to write")
    parser.add_argument("--cards", type=Path, required=True, help="folder of model cards to write")
    parser.add_argument("--croissant", type=Path, required=True, help="folder of descriptions of datasets to write")
    parser.add_argument("--workflow", type=Path, required=True, help="the workflow's main file")
    options = parser.parse_args()
    unchanged(options.figures)
    selection = read_selection(options.selection)
    write_report(selection, read_tables(options.tables), options.figures, options.out)
    write_cards(selection, options.cards)
    write_croissants(selection, options.croissant)
    for path in (options.out, options.cards, options.croissant):
        seal(path)
    folder = options.out.parent
    write_checklist(selection, folder)
    seal(folder / CHECKLIST)  # before the crate, which lists every file
    write_crate(selection, folder, options.workflow)
    for name in (WORKFLOW, NAME):
        seal(folder / name)


if __name__ == "__main__":
    start(main)
