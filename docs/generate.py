"""Write the generated parts of the documents: `python -m docs.generate [part ...]`; `--check` fails if one is old.

A generated part stands between two marks, which are comments in Markdown. The part `figures` fills in the figures that
documents cite (docs/cited.py). The part `picture` draws the README's picture (docs/picture.py).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from docs import cited, measured, metrics, picture, planned, rulegraph
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
    "figures": lambda: cited.pages(ROOT),
    "measured": lambda: measured.pages(ROOT / "docs/measured"),
    "metrics": lambda: between(ROOT / "docs/results.md", metrics.BEGIN, metrics.END, metrics.table()),
    "plan": lambda: between(ROOT / "docs/reproduction.md", planned.BEGIN, planned.END, planned.table()),
    "rules": lambda: between(ROOT / "README.md", rulegraph.BEGIN, rulegraph.END, rulegraph.drawing()),
}


PICTURE = "picture"


def complaints(part: str, check: bool) -> Iterator[str]:
    """A sentence for each thing that is out of date in a part. Without `check` the part is then written again."""
    if part == PICTURE:
        if wrong := picture.stale():
            yield wrong
            if not check:
                picture.write()
        return
    read = measured.without_ages if check else str
    for path, text in PARTS[part]():
        old = path.read_text(encoding="utf-8")
        if read(old) != read(text):
            yield from (cited.differences(path, old, text) if part == "figures" else [f"{path}: {part} out of date"])
            if not check:
                path.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join([*PARTS, PICTURE])}; all by default")
    parser.add_argument("--check", action="store_true", help="fail where a page is out of date, and write nothing")
    options = parser.parse_args()
    if unknown := sorted(set(options.parts) - {*PARTS, PICTURE}):
        parser.error(f"there is no part {unknown[0]}: choose from {', '.join([*PARTS, PICTURE])}")
    try:
        found = [wrong for part in options.parts or [*PARTS, PICTURE] for wrong in complaints(part, options.check)]
    except InputError as error:
        sys.exit(f"error: {error}")
    if options.check and found:
        sys.exit("\n".join([*found, "correct the source, or run python -m docs.generate"]))


if __name__ == "__main__":
    main()
