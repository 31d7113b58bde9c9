"""Put a target's tables, figures and report where people look, and show the main table."""

import argparse
import shutil
from pathlib import Path

from lightxml_core.cli import start
from lightxml_core.files import read_json
from lightxml_core.reporting.terminal import terminal_table, verdict_line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--out", type=Path, required=True, help="the results folder")
    options = parser.parse_args()
    source = options.out / "targets" / options.target
    for folder in ("tables", "figures"):
        shutil.rmtree(options.out / folder, ignore_errors=True)
        shutil.copytree(source / folder, options.out / folder)
    shutil.copyfile(source / "report.html", options.out / "report.html")
    print(terminal_table(read_json(source / "selection.json")))
    print(verdict_line(source / "tables" / "verdicts.csv"))
    print(f"\ntables   {options.out / 'tables' / 'comparison.md'}\nfigures  {options.out / 'figures'}")
    print(f"report   {(options.out / 'report.html').resolve()}")


if __name__ == "__main__":
    start(main)
