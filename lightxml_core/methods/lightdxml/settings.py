"""All settings of LightDXML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lightxml_core.errors import InputError
from lightxml_core.methods import BaseSettings


@dataclass(frozen=True)
class Settings(BaseSettings):
    """Defaults are those of the authors' configuration for EURLex-4K.

    Encoder: `width` of the token embeddings, which start from `vectors`: `random`, `corpus` (learnt from the training
    documents), one of vectors/, or the path of a word2vec, FastText or GloVe text file; `dropout`.
    Cycle: `epochs` in all; every `refresh` epochs the shortlist is made anew (0: once, before the first). `labels` are
    found by `trained` embeddings or, as in DeepXML and Astec, by the `centroid` of their documents. Prediction finds
    them by those of the last cycle, or `refresh_at_end` makes new ones of the encoder as it ends.
    Label embeddings: in each cycle `label_epochs` of `label_batch` pairs of a document and a label, at `label_lr`
    through a layer of `label_hidden`.
    Shortlist: `neighbours` labels a document, from an HNSW index of `links` (M), `build_effort` (efC) and
    `search_effort` (efS), built on `index_threads` (0: all of the job's; with 1 it is the same every time).
    Classifiers: `batch`, `lr`, which is multiplied by `decay` after `decay_epochs` and, as in the authors' code, each
    time the epoch is a multiple of half as many as the time before, 5 at least: 14, 21, 25, 30, ….
    Prediction: `beta` × the classifier's probability + (1 - beta) × that of the similarity to the label's embedding.
    """

    width: int = 300
    vectors: str = "random"
    dropout: float = 0.5

    epochs: int = 26
    refresh: int = 8
    refresh_at_end: bool = False
    labels: Literal["trained", "centroid"] = "trained"
    label_epochs: int = 8
    label_batch: int = 256
    label_lr: float = 0.003
    label_hidden: int = 1000
    neighbours: int = 400
    links: int = 100
    build_effort: int = 300
    search_effort: int = 400
    index_threads: int = 1

    batch: int = 255
    lr: float = 0.006
    decay: float = 0.5
    decay_epochs: int = 14
    checkpoint_minutes: float = 10.0

    beta: float = 0.75

    def __post_init__(self) -> None:
        positive = ("width", "epochs", "label_batch", "label_hidden", "neighbours", "links", "batch", "decay_epochs")
        wrong = [name for name in positive if getattr(self, name) < 1]
        if wrong:
            raise InputError(f"`{wrong[0]}` must be 1 or more, not {getattr(self, wrong[0])}")
        if not 0.0 <= self.beta <= 1.0:
            raise InputError(f"`beta` is a share between 0 and 1, not {self.beta}")
        if min(self.refresh, self.label_epochs, self.index_threads) < 0:
            raise InputError("`refresh`, `label_epochs` and `index_threads` must be 0 or more")

    @property
    def decay_at(self) -> tuple[int, ...]:
        """The epochs, counted from 0, before which the rate is multiplied by `decay`."""
        every, found = self.decay_epochs, list[int]()
        for epoch in range(1, self.epochs):
            if epoch % every == 0:
                found.append(epoch)
                every = max(5, every // 2)
        return tuple(found)
