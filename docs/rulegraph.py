"""Write the rules' graph anew: `python docs/rulegraph.py`; with `--check`, fail if it is old.

README shows that of `demo`; the report draws its target's share of what all targets of config.yaml have together.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from lightxml_core.reporting.figures.rules import Edges, reduced

ROOT = Path(__file__).parents[1]
README, ASSET = ROOT / "README.md", ROOT / "lightxml_core/reporting/page/assets/rules.json"
BEGIN, END = "<!-- rules of `demo`, drawn by docs/rulegraph.py -->\n", "<!-- end of rules -->\n"


def rulegraph(*targets: str) -> Edges:
    """The edges (needed rule, needing rule) of targets, as snakemake draws them."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js", *targets]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True, cwd=README.parent).stdout
    names = dict(re.findall(r"^\s*(id\d+)\[(.+)\]$", drawn, re.M))
    return {(names[a], names[b]) for a, b in re.findall(r"^\s*(id\d+) --> (id\d+)$", drawn, re.M) if a != b}


def mermaid(edges: Edges) -> str:
    """Mermaid text of the graph, from left to right."""
    lines = "".join(f"    {a} --> {b}\n" for a, b in sorted(edges))
    return f"{BEGIN}```mermaid\nflowchart LR\n{lines}```\n{END}"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    start, end = text.index(BEGIN), text.index(END) + len(END)
    targets = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["targets"]
    every = {edge for edge in rulegraph(*targets) if edge[1] not in targets}
    wanted = {README: text[:start] + mermaid(reduced(rulegraph("demo"))) + text[end:]}
    wanted |= {ASSET: json.dumps(sorted(every), indent=1) + "\n"}
    if "--check" in sys.argv:
        old = [path.name for path, new in wanted.items() if not path.is_file() or path.read_text("utf-8") != new]
        sys.exit(f"{' and '.join(old)}: the rule graph is out of date: run python docs/rulegraph.py" if old else None)
    for path, new in wanted.items():
        path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
