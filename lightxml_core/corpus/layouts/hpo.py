"""HPO-5K: from the text of a term of the Human Phenotype Ontology, predict its nearest ancestors.

Köhler et al., The Human Phenotype Ontology in 2021, Nucleic Acids Research 49, 2021. Format: OBO 1.2.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lightxml_core.corpus.labels import label_matrices
from lightxml_core.corpus.layouts.layout import Layout
from lightxml_core.corpus.layouts.locate import locate
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.lines import collapse, read_lines
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.errors import InputError

ROOTS = frozenset({"HP:0000001", "HP:0000118"})  # "All" and "Phenotypic abnormality" say nothing about a term
STEPS = 3
TEST_PERCENT = 20
FILES = {"obo": "hp.obo"}

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


@dataclass
class _Term:
    line: int
    id: str = ""
    name: str = ""
    definition: str = ""
    comment: str = ""
    synonyms: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    obsolete: bool = False

    def text(self) -> str:
        return collapse(" ".join([self.name, *self.synonyms, self.definition, self.comment]))


def read(folder: Path, rules: Leniency) -> Corpus:
    """Read `hp.obo`: one document per term that is not obsolete, has a definition and at least one label.

    Text: name, synonyms, definition, comment. Labels: the terms reached by one to three `is_a` steps, except the roots.
    Test documents: the first 32 bits of sha1(term id), modulo 100, are below 20. Documents are in the file's order,
    labels sorted by id. `rules` are not needed: terms without labels are left out, and every text has words.
    """
    source = locate(folder, FILES)["obo"]
    terms = _in_use(source)
    texts: dict[bool, list[str]] = {False: [], True: []}
    labels: dict[bool, list[set[str]]] = {False: [], True: []}
    for term in terms.values():
        above = _ancestors(term, terms, source) - ROOTS
        if term.definition and above:
            texts[_is_test(term.id)].append(term.text())
            labels[_is_test(term.id)].append(above)
    Y_trn, Y_tst, ids = label_matrices(labels[False], labels[True])
    return Corpus(Part(texts[False], Y_trn), Part(texts[True], Y_tst), ids, [terms[id].name for id in ids])


def _in_use(source: Path) -> dict[str, _Term]:
    terms: dict[str, _Term] = {}
    for term in _terms(source):
        if not term.id or term.id in terms:
            wrong = f"has the id of the term of line {terms[term.id].line}" if term.id else "has no id"
            raise InputError(f"{source} line {term.line}: the term {wrong}: download the file again")
        if not term.obsolete:
            terms[term.id] = term
    return terms


def _is_test(term_id: str) -> bool:
    return int(hashlib.sha1(term_id.encode()).hexdigest()[:8], 16) % 100 < TEST_PERCENT


def _ancestors(term: _Term, terms: dict[str, _Term], source: Path) -> set[str]:
    reached: set[str] = set()
    level = {term.id}
    for _ in range(STEPS):
        level = {parent for id in level for parent in terms[id].parents}
        if unknown := sorted(parent for parent in level if parent not in terms):
            raise InputError(
                f"{source}: a term above {term.id} (line {term.line}) is {unknown[0]}, which is not defined "
                "in the file or is obsolete: download the file again"
            )
        reached |= level
    return reached


def _terms(source: Path) -> Iterator[_Term]:
    """Stream the `[Term]` stanzas; the file's header and other stanzas are skipped."""
    term: _Term | None = None
    for number, line in enumerate(read_lines(source), 1):
        if line.startswith("["):
            if term is not None:
                yield term
            term = _Term(number) if line.strip() == "[Term]" else None
        elif term is not None and ":" in line:
            tag, _, value = line.partition(":")
            _set(term, tag, value.strip(), f"{source} line {number}")
    if term is not None:
        yield term


def _set(term: _Term, tag: str, value: str, where: str) -> None:
    if tag == "id":
        term.id = value
    elif tag == "name":
        term.name = _unescaped(value)
    elif tag == "def":
        term.definition = _quoted(value, where)
    elif tag == "comment":
        term.comment = _unescaped(value)
    elif tag == "synonym":
        term.synonyms.append(_quoted(value, where))
    elif tag == "is_a":
        if not value:
            raise InputError(f"{where}: `is_a` names no term: download the file again")
        term.parents.append(value.split()[0])
    elif tag == "is_obsolete":
        term.obsolete = value == "true"


def _quoted(value: str, where: str) -> str:
    match = _QUOTED.match(value)
    if match is None:
        raise InputError(f"{where}: {value[:40]!r} does not begin with a text in quotes: download the file again")
    return _unescaped(match.group(1))


def _unescaped(text: str) -> str:
    """OBO writes a quote as `\\"`, a line end as `\\n`, and so on; white space is collapsed later anyway."""
    return _ESCAPED.sub(lambda match: " " if match.group(1) in "ntW" else match.group(1), text)


LAYOUT = Layout("hpo", read, (FILES,))
