"""The drawing of the rules of the target `demo` in README."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- rules of `demo`, drawn by docs/generate.py -->\n", "<!-- end of rules -->\n"
Edges = set[tuple[str, str]]


def rulegraph(*targets: str) -> Edges:
    """The edges (needed rule, needing rule) of targets, as snakemake draws them."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js", *targets]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    names = dict(re.findall(r"^\s*(id\d+)\[(.+)\]$", drawn, re.M))
    return {(names[a], names[b]) for a, b in re.findall(r"^\s*(id\d+) --> (id\d+)$", drawn, re.M) if a != b}


def reduced(edges: Edges) -> Edges:
    """The edges that no longer way implies. Those on a cycle, as between a blend and its members, are kept as well."""
    cyclic = {(a, b) for a, b in edges if a in _reached(b, edges)}
    once = edges - cyclic
    return cyclic | {(a, b) for a, b in once if b not in _reached(a, once - {(a, b)})}


def _reached(start: str, edges: Edges) -> set[str]:
    """The rules that need a rule, directly or not."""
    found: set[str] = set()
    left = {start}
    while left:
        left = {b for a, b in edges if a in left} - found
        found |= left
    return found


def mermaid(edges: Edges) -> str:
    """Mermaid text of the graph, from left to right."""
    lines = "".join(f"    {a} --> {b}\n" for a, b in sorted(edges))
    return f"```mermaid\nflowchart LR\n{lines}```\n"


def drawing() -> str:
    """The drawing of the target `demo`."""
    return mermaid(reduced(rulegraph("demo")))
