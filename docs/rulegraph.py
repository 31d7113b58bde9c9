"""Draw the rules of the target `demo` into README: `python docs/rulegraph.py`.

With `--check`, fail if the drawing in README is out of date.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- rules of `demo`, drawn by docs/rulegraph.py -->\n", "<!-- end of rules -->\n"
Edges = set[tuple[str, str]]


def rulegraph(*targets: str) -> Edges:
    """The edges (needed rule, needing rule) of targets, as snakemake draws them."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js", *targets]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True, cwd=README.parent).stdout
    names = dict(re.findall(r"^\s*(id\d+)\[(.+)\]$", drawn, re.M))
    return {(names[a], names[b]) for a, b in re.findall(r"^\s*(id\d+) --> (id\d+)$", drawn, re.M) if a != b}


def reduced(edges: Edges) -> Edges:
    """The edges that no longer way implies."""

    def reaches(start: str, end: str, without: tuple[str, str]) -> bool:
        following = {b for a, b in edges if a == start and (a, b) != without}
        return end in following or any(reaches(rule, end, without) for rule in following)

    return {edge for edge in edges if not reaches(*edge, without=edge)}


def mermaid(edges: Edges) -> str:
    """Mermaid text of the graph, from left to right."""
    lines = "".join(f"    {a} --> {b}\n" for a, b in sorted(edges))
    return f"{BEGIN}```mermaid\nflowchart LR\n{lines}```\n{END}"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    start, end = text.index(BEGIN), text.index(END) + len(END)
    wanted = text[:start] + mermaid(reduced(rulegraph("demo"))) + text[end:]
    if "--check" in sys.argv:
        sys.exit("README.md: the rule graph is out of date: run python docs/rulegraph.py" if wanted != text else None)
    README.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
