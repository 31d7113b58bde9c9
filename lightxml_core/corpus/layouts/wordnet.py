"""WordNet-114K: from the words and the gloss of a synset, predict the synsets that it points to.

Fellbaum (ed.), WordNet, MIT Press 1998. Format: the database files of WordNet 3, wndb(5WN).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lightxml_core.corpus.labels import label_matrices
from lightxml_core.corpus.layouts.layout import Layout
from lightxml_core.corpus.layouts.locate import locate
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.lines import collapse, read_lines
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.errors import InputError

TEST_PERCENT = 20
FILES = {pos: f"data.{pos}" for pos in ("noun", "verb", "adj", "adv")}
_SATELLITE = {"s": "a"}  # an adjective satellite is addressed as an adjective


@dataclass(frozen=True)
class _Synset:
    id: str
    words: list[str]
    gloss: str
    related: frozenset[str]

    def text(self) -> str:
        return collapse(" ".join([*self.words, self.gloss]))


def read(folder: Path, rules: Leniency) -> Corpus:
    """Read `data.noun`, `data.verb`, `data.adj` and `data.adv`: one document per synset that points to another.

    Text: its words, then its gloss. Labels: the synsets it points to, by any relation. Every synset that another points
    to is a label. Test documents: the first 32 bits of sha1(id), modulo 100, are below 20. Nearly all relations are
    symmetric, so a training label would reveal the labels of a test document. A training document therefore loses each
    label that is a test document pointing back at it, and is left out if no label remains.
    `rules` are not needed: every text has words and every document has a label.
    """
    files = locate(folder, FILES)
    every = [synset for pos in FILES for synset in _synsets(files[pos])]
    synsets = {synset.id: synset for synset in every}
    if len(synsets) < len(every):
        raise InputError(f"{folder} has a synset twice: take the files of one release")
    _check_pointers(synsets, folder)
    documents = [synset for synset in synsets.values() if synset.related]
    test = {synset.id for synset in documents if _is_test(synset.id)}
    tst = [(synset, synset.related) for synset in documents if synset.id in test]
    trn = [(synset, _kept(synset, test, synsets)) for synset in documents if synset.id not in test]
    trn = [(synset, labels) for synset, labels in trn if labels]
    pointed = sorted({label for synset in documents for label in synset.related})
    Y_trn, Y_tst, ids = label_matrices([labels for _, labels in trn], [labels for _, labels in tst], pointed)
    texts = [[synset.text() for synset, _ in part] for part in (trn, tst)]
    names = [", ".join(synsets[id].words) for id in ids]
    return Corpus(Part(texts[0], Y_trn), Part(texts[1], Y_tst), ids, names)


def _is_test(id: str) -> bool:
    return int(hashlib.sha1(id.encode()).hexdigest()[:8], 16) % 100 < TEST_PERCENT


def _kept(synset: _Synset, test: set[str], synsets: dict[str, _Synset]) -> frozenset[str]:
    return frozenset(id for id in synset.related if id not in test or synset.id not in synsets[id].related)


def _check_pointers(synsets: dict[str, _Synset], folder: Path) -> None:
    for synset in synsets.values():
        if unknown := sorted(id for id in synset.related if id not in synsets):
            raise InputError(
                f"{folder}: {synset.id} points to {unknown[0]}, which no file defines: take all files of one release"
            )


def _synsets(path: Path) -> Iterator[_Synset]:
    """The synsets of one file; the lines of its licence begin with a space."""
    for number, line in enumerate(read_lines(path), 1):
        if not line.startswith(" "):
            try:
                yield _synset(line)
            except (ValueError, IndexError):
                raise InputError(
                    f"{path} line {number}: not a synset of WordNet 3: replace it by a complete copy"
                ) from None


def _synset(line: str) -> _Synset:
    """offset, file, type, word count (hex), the words each with a number, pointer count, the pointers | gloss."""
    data, bar, gloss = line.partition(" | ")
    fields = data.split()
    if not re.fullmatch("[0-9a-f]{2}", fields[3]):
        raise ValueError
    words, first = int(fields[3], 16), 4
    pointers = first + 2 * words
    if not re.fullmatch("[0-9]{3}", fields[pointers]):
        raise ValueError
    count = int(fields[pointers])
    starts = range(pointers + 1, pointers + 1 + 4 * count, 4)
    related = [_id(fields[start + 2], fields[start + 1]) for start in starts]
    own = _id(fields[2], fields[0])
    if not bar or words < 1:
        raise ValueError
    return _Synset(own, [_word(word) for word in fields[first:pointers:2]], gloss, frozenset(related) - {own})


def _id(kind: str, offset: str) -> str:
    if len(kind) != 1 or kind not in "nvars" or not re.fullmatch("[0-9]{8}", offset):
        raise ValueError
    return _SATELLITE.get(kind, kind) + offset


def _word(word: str) -> str:
    """A word as text: underscores stand for spaces, and an adjective may end with a marker, as in `galore(ip)`."""
    return word.partition("(")[0].replace("_", " ")


LAYOUT = Layout("wordnet", read, (FILES,))
