"""Copy a target's tables, figures and report to the top of the results folder, and print the main table."""

from lightxml_core.cli import start

import argparse
import shutil
from pathlib import Path

from lightxml_core.files import atomic_path, locked, new_folder, unchanged
from lightxml_core.reporting.terminal import archive_line, suggestions, terminal_table, verdict_line
from lightxml_core.selection import read_selection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--out", type=Path, required=True, help="the results folder")
    options = parser.parse_args()
    source = options.out / "targets" / options.target
    with locked(options.out / ".publish.lock", f"a target is being published in {options.out}"):
        _publish(source, options.out)
    selection = read_selection(source / "selection.json")
    print(terminal_table(selection))
    print(verdict_line(source / "tables" / "verdicts.csv"))
    print(archive_line(source / "tables" / "archived.csv"))
    print(f"\ntables   {options.out / 'tables' / 'comparison.md'}\nfigures  {options.out / 'figures'}")
    print(f"report   {(options.out / 'report.html').resolve()}")
    print(f"\nto try next\n{suggestions(selection)}")


def _publish(source: Path, out: Path) -> None:
    """Replace each of the three atomically."""
    for name in ("tables", "figures", "report.html"):
        unchanged(source / name)
    for name in ("tables", "figures"):
        with new_folder(out / name) as building:
            shutil.copytree(source / name, building, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
    with atomic_path(out / "report.html") as page:
        shutil.copyfile(source / "report.html", page)


if __name__ == "__main__":
    start(main)
