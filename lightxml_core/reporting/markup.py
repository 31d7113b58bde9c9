"""One table, three spellings: Markdown, LaTeX (booktabs) and, in the report, HTML. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

NOTHING = "\u2013"  # an en dash: no such figure exists, neither run nor in print
_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "†": r"\textsuperscript{\dag}",
    "‡": r"\textsuperscript{\ddag}",
    NOTHING: "--",
    "·": r"$\cdot$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{character: "\\" + character for character in "&%$#_{}"},
}
_MARKDOWN = frozenset("\\|`*_<>[]#~")


@dataclass(frozen=True)
class Table:
    """Plain text cells. `align`: a letter a column, as LaTeX has it: `l` for words, `r` for figures."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        lines = [list(map(_markdown, cells)) for cells in (self.headers, *self.rows)]
        lines.insert(1, ["---:" if side == "r" else "---" for side in self.align])
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return "\n\n".join([f"## {_markdown(self.title)}", table, *map(_markdown, self.notes)]) + "\n"

    def latex(self) -> str:
        rows = [tex_row(row) for row in self.rows]
        body = [tex_row(self.headers), r"\midrule", *rows]
        lines = [r"\begin{table}", r"\centering", rf"\caption{{{tex_escape(self.title)}}}"]
        lines += [rf"\begin{{tabular}}{{{self.align}}}", r"\toprule", *body, r"\bottomrule", r"\end{tabular}"]
        return "\n".join([*lines, *(r"\par\footnotesize " + tex_escape(n) for n in self.notes), r"\end{table}"]) + "\n"


def tex_escape(text: str) -> str:
    """Text that LaTeX sets as it stands; no character is left that it would act on."""
    return "".join(_TEX.get(character, character) for character in " ".join(text.split()))


def tex_row(cells: Sequence[str]) -> str:
    """One row of a tabular; a leading `[` is braced, or the row break before it would take it for its argument."""
    escaped = [tex_escape(cell) for cell in cells]
    return " & ".join("{" + cell + "}" if cell.startswith("[") else cell for cell in escaped) + r" \\"


def _markdown(text: str) -> str:
    return "".join("\\" + c if c in _MARKDOWN else c for c in " ".join(text.split()))
