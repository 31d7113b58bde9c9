"""A small corpus out of a large one, to check a change in minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.corpus.types import Corpus, Part
from lightxml_core.errors import InputError


def cut(corpus: Corpus, trn: int, tst: int, seed: int) -> Corpus:
    """`trn` and `tst` documents drawn uniformly from the two parts, in their original order.

    Labels that none of these documents has are dropped. The same corpus and seed give the same bytes. InputError if a
    part has fewer documents than asked for.
    """
    rng = np.random.default_rng(seed)
    parts = [_choose(corpus.trn, trn, "trn", rng), _choose(corpus.tst, tst, "tst", rng)]
    kept = np.flatnonzero(sum(label_frequencies(part.Y) for part in parts))
    small = [Part(part.texts, part.Y[:, kept], part.X) for part in parts]
    names = None if corpus.names is None else [corpus.names[label] for label in kept]
    return Corpus(small[0], small[1], [corpus.labels[label] for label in kept], names)


def _choose(part: Part, count: int, name: str, rng: np.random.Generator) -> Part:
    documents = part.Y.shape[0]
    if not 0 < count <= documents:
        raise InputError(
            f"a cut of {count} {name} documents was asked for, but there are {documents}: ask for 1 to {documents}"
        )
    rows = np.sort(rng.choice(documents, size=count, replace=False))
    texts = None if part.texts is None else _SelectedTexts(part.texts, rows)
    return Part(texts, part.Y[rows], None if part.X is None else part.X[rows])


@dataclass(frozen=True, eq=False)
class _SelectedTexts:
    """The texts at `rows` (sorted). Reads the source to its end, because its checks are only complete there."""

    texts: Iterable[str]
    rows: np.ndarray

    def __iter__(self) -> Iterator[str]:
        wanted = set(self.rows.tolist())
        return (text for row, text in enumerate(self.texts) if row in wanted)
