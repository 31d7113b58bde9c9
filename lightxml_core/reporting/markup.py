"""One table in several spellings: Markdown, LaTeX (booktabs), HTML. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

NOTHING = "\u2013"  # an en dash: the figure was neither run nor published
_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "†": r"\textsuperscript{\dag}",
    "‡": r"\textsuperscript{\ddag}",
    "§": r"\textsuperscript{\S}",
    "≠": r"$\neq$",
    NOTHING: "--",
    "·": r"$\cdot$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\u2026": r"\dots{}",
    **{character: "\\" + character for character in "&%$#_{}"},
}
_MARKDOWN = frozenset("\\|`*_<>[]#~&$")
_BOTH = re.compile(r"(\d[\d.,]*(?: ± [\d.,]+)?|not run) (\[[\d.,]+[^\w\]]*\])")  # reproduced, published
_PACKAGES = r"% needs \usepackage{array,booktabs,graphicx,longtable,pdflscape}"
_LATIN = r" and, for pdflatex, \usepackage[T1]{fontenc}"
_OTHER = r"""
% needs xelatex or lualatex, and a font that has all its characters: \usepackage{fontspec} and, for Chinese, Japanese
% and Korean, \setmainfont{Noto Sans CJK SC}"""
_IS_LATIN = re.compile(r"[\x00-\u017f‘’“”„–—•€™]*")  # what pdflatex sets in that encoding
_LONG_CELL, _LONG_TABLE, _LINE = 34, 40, 92  # characters; rows; characters that fit into a line of text


@dataclass(frozen=True)
class Table:
    """A table of plain text cells. `align` has a letter per column, as in LaTeX: `l` for words, `r` for figures.

    A table without rows has only its title and its notes, which say why there is nothing to show. strong: the cells to
    print in bold, as row and column; of a cell with a published figure only the reproduced one.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str
    notes: Sequence[str] = field(default_factory=tuple)
    strong: Sequence[Sequence[int]] = field(default_factory=tuple)

    def _spelled(self, spell: Callable[[str], str], bold: str) -> list[list[str]]:
        """The rows, each cell as `spell` has it. bold: with a place for the text, as `**{}**`."""
        strong = {tuple(place) for place in self.strong}
        return [
            [_emphasised(cell, spell, bold) if (i, j) in strong else spell(cell) for j, cell in enumerate(row)]
            for i, row in enumerate(self.rows)
        ]

    def markdown(self) -> str:
        """A heading, the table, its notes."""
        lines = [list(map(markdown_escape, self.headers)), *self._spelled(markdown_escape, "**{}**")]
        lines.insert(1, ["---:" if side == "r" else "---" for side in self.align])
        table = ["\n".join("| " + " | ".join(line) + " |" for line in lines)] if self.rows else []
        return "\n\n".join([f"## {markdown_escape(self.title)}", *table, *map(markdown_escape, self.notes)]) + "\n"

    def latex(self) -> str:
        """A `table`, or a `longtable` for many rows. Long texts are wrapped; wide tables are scaled down or rotated."""
        if not self.rows:
            return rf"\paragraph{{{tex_escape(self.title)}}} " + " ".join(map(tex_escape, self.notes)) + "\n"
        build = self._longtable if len(self.rows) > _LONG_TABLE else self._tabular
        return "\n".join(build()) + "\n"

    def _tabular(self) -> list[str]:
        lines = [rf"\begin{{tabular}}{{{self._columns()}}}", r"\toprule", tex_row(self.headers), r"\midrule"]
        lines += [*self._tex_rows(), r"\bottomrule", r"\end{tabular}"]
        if self._width() > _LINE:
            lines = [r"\resizebox{\linewidth}{!}{%", *lines[:-1], lines[-1] + "}"]
        notes = (r"\par\footnotesize " + tex_escape(note) for note in self.notes)
        caption = rf"\caption{{{tex_escape(self.title)}}}"
        return [r"\begin{table}", r"\centering", caption, *lines, *notes, r"\end{table}"]

    def _longtable(self) -> list[str]:
        head = [r"\toprule", tex_row(self.headers), r"\midrule"]
        wide = self._width() > 1.5 * _LINE
        begin = r"\begin{landscape}\tiny" if wide else r"\begingroup\scriptsize"
        lines = [begin + r"\setlength{\tabcolsep}{3pt}", rf"\begin{{longtable}}{{{self._columns()}}}"]
        lines += [rf"\caption{{{tex_escape(self.title)}}} \\", *head, r"\endfirsthead", *head, r"\endhead"]
        lines += [*self._tex_rows(), r"\bottomrule", r"\end{longtable}"]
        notes = (r"\par\footnotesize " + tex_escape(note) for note in self.notes)
        return [*lines, *notes, r"\end{landscape}" if wide else r"\endgroup"]

    def _tex_rows(self) -> list[str]:
        return [_tex_line(row) for row in self._spelled(_tex_cell, r"\textbf{{{}}}")]

    def _widths(self) -> list[int]:
        return [max(map(len, column)) for column in zip(self.headers, *self.rows, strict=True)]

    def _width(self) -> int:
        return sum(min(width, _LONG_CELL) + 2 for width in self._widths())

    def _columns(self) -> str:
        long = [width > _LONG_CELL and side == "l" for width, side in zip(self._widths(), self.align, strict=True)]
        broken = rf">{{\raggedright\arraybackslash}}p{{{0.5 / max(sum(long), 1):.2f}\linewidth}}"
        return "".join(broken if wide else side for wide, side in zip(long, self.align, strict=True))

    def html(self, heading: bool = True) -> str:
        """A table whose columns sort at a click, with its notes below. Without rows: the notes only."""
        name = _html(self.title)
        title = f"<h3>{name}</h3>\n" if heading else ""
        notes = "".join(f"<p class=note>{text}</p>" for text in map(_html, self.notes) if text)
        if not self.rows:
            return f"{title}{notes or '<p class=note>No data for this target.</p>'}\n"
        heads = "".join(
            f"<th scope=col class={side} aria-sort=none><button type=button>{_html(head)}</button></th>"
            for head, side in zip(self.headers, self.align, strict=True)
        )
        spelled = self._spelled(_cell, "<b>{}</b>")
        body = "".join("<tr>" + _cells(*pair, self.align) + "</tr>\n" for pair in zip(self.rows, spelled, strict=True))
        return (
            f'{title}<div class=scroll tabindex=0 role=region aria-label="{name}">'
            f"<table class=sortable><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table></div>{notes}\n"
        )


def tex_file(tables: Sequence[Table]) -> str:
    """Tables to \\input, after a comment that says what they need."""
    text = "\n".join(table.latex() for table in tables)
    needs = "" if text.isascii() else _LATIN if _IS_LATIN.fullmatch(text) else _OTHER
    return f"{_PACKAGES}{needs}\n{text}"


def tex_escape(text: str) -> str:
    """Text with every character escaped that LaTeX would act on."""
    return "".join(_TEX.get(character, character) for character in _one_line(text))


def tex_row(cells: Sequence[str]) -> str:
    """One row of a tabular."""
    return _tex_line([_tex_cell(cell) for cell in cells])


def _tex_cell(cell: str) -> str:
    """A leading `[` or `*` is braced, or the row break before it would read it as an option."""
    escaped = tex_escape(cell)
    return "{" + escaped + "}" if escaped.startswith(("[", "*")) else escaped


def _tex_line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _emphasised(cell: str, spell: Callable[[str], str], bold: str) -> str:
    """The cell with its reproduced figure in bold; a published one keeps its place behind it."""
    found = _BOTH.fullmatch(_one_line(cell))
    if found is None:
        return bold.format(spell(cell))
    both = spell(cell)
    own = spell(found[1])
    return bold.format(own) + both.removeprefix(own)


def _cells(cells: Sequence[str], spelled: Sequence[str], align: str) -> str:
    wide = (f'"{side} long"' if len(_one_line(cell)) > 40 else side for cell, side in zip(cells, align, strict=True))
    return "".join(f"<td class={name}>{cell}</td>" for cell, name in zip(spelled, wide, strict=True))


def _cell(text: str) -> str:
    """A published figure is shown below the reproduced one."""
    text = _one_line(text)
    found = _BOTH.fullmatch(text)
    return f"{escape(found[1])}<span class=print>{escape(found[2])}</span>" if found else escape(text)


def _html(text: str) -> str:
    return escape(_one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def markdown_escape(text: str) -> str:
    """Text for Markdown, on one line, that shows every character as it is."""
    return "".join("\\" + c if c in _MARKDOWN else c for c in _one_line(text))
