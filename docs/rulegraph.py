"""Write the rules' graph anew, for README and report: `python docs/rulegraph.py`; with `--check`, fail if it is old."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README, ASSET = ROOT / "README.md", ROOT / "lightxml_core/reporting/assets/rules.json"
BEGIN, END = "<!-- rules of `demo`, drawn by docs/rulegraph.py -->\n", "<!-- end of rules -->\n"

Edges = set[tuple[str, str]]


def rulegraph(target: str) -> Edges:
    """The edges (needed rule, needing rule) of a target, as snakemake draws them."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js", target]
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
    edges = reduced(rulegraph("demo"))
    wanted = {README: text[:start] + mermaid(edges) + text[end:], ASSET: json.dumps(sorted(edges), indent=1) + "\n"}
    if "--check" in sys.argv:
        old = [path.name for path, new in wanted.items() if not path.is_file() or path.read_text("utf-8") != new]
        sys.exit(f"{' and '.join(old)}: the rule graph is out of date: run python docs/rulegraph.py" if old else None)
    for path, new in wanted.items():
        path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
