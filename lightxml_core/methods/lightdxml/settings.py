"""All settings of LightDXML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from lightxml_core.methods import BaseSettings
from lightxml_core.values import Count, Dropout, Factor, Natural, NonNegative, Share


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

    width: Count = 300
    vectors: str = "random"
    dropout: Dropout = 0.5

    epochs: Count = 26
    refresh: Natural = 8
    refresh_at_end: bool = False
    labels: Literal["trained", "centroid"] = "trained"
    label_epochs: Natural = 8
    label_batch: Count = 256
    label_lr: Factor = 0.003
    label_hidden: Count = 1000
    neighbours: Count = 400
    links: Annotated[int, Ge(2), Le(4096)] = 100  # with 1 faiss ends the process
    build_effort: Count = 300
    search_effort: Count = 400
    index_threads: Natural = 1

    batch: Count = 255
    lr: Factor = 0.006
    decay: Factor = 0.5
    decay_epochs: Count = 14
    checkpoint_minutes: NonNegative = 10.0

    beta: Share = 0.75

    @property
    def decay_at(self) -> tuple[int, ...]:
        """The epochs, counted from 0, before which the rate is multiplied by `decay`."""
        every, found = self.decay_epochs, list[int]()
        for epoch in range(1, self.epochs):
            if epoch % every == 0:
                found.append(epoch)
                every = max(5, every // 2)
        return tuple(found)
