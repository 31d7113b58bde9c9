"""Write the generated parts of the documents: `python -m docs.generate [part ...]`; `--check` fails if one is old.

A generated part stands between two marks, which are comments in Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from docs import measured, metrics, rulegraph
from lightxml_core.definitions import documentation
from lightxml_core.errors import InputError

ROOT = Path(__file__).parents[1]
Pages = Iterator[tuple[Path, str]]


def between(page: Path, begin: str, end: str, body: str) -> Pages:
    """The page with `body` between its marks `begin` and `end`; InputError if it lacks one of them."""
    text = page.read_text(encoding="utf-8")
    before, first, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last:
        raise InputError(f"{page}: the line {begin if not first else end} is missing: put it back")
    yield page, before + begin + body + end + after


PARTS: Mapping[str, Callable[[], Pages]] = {
    "keys": lambda: between(
        ROOT / "docs/keys.md", documentation.BEGIN, documentation.END, f"\n\n{documentation.tables()}\n"
    ),
    "measured": lambda: measured.pages(ROOT / "docs/measured"),
    "metrics": lambda: between(ROOT / "docs/results.md", metrics.BEGIN, metrics.END, metrics.table()),
    "rules": lambda: between(ROOT / "README.md", rulegraph.BEGIN, rulegraph.END, rulegraph.drawing()),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}; all by default")
    parser.add_argument("--check", action="store_true", help="fail where a page is out of date, and write nothing")
    options = parser.parse_args()
    if unknown := sorted(set(options.parts) - PARTS.keys()):
        parser.error(f"there is no part {unknown[0]}: choose from {', '.join(PARTS)}")
    try:
        pages = [page for part in options.parts or PARTS for page in PARTS[part]()]
    except InputError as error:
        sys.exit(f"error: {error}")
    read = measured.without_ages if options.check else str
    old = [(path, text) for path, text in pages if read(path.read_text(encoding="utf-8")) != read(text)]
    if options.check and old:
        names = ", ".join(str(path.relative_to(ROOT)) for path, _ in old)
        sys.exit(f"{names}: out of date: run python -m docs.generate")
    for path, text in old:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
