"""All settings of LightDXML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from lightxml_core.methods import BaseSettings
from lightxml_core.values import Count, Dropout, Factor, Natural, NonNegative, Share


@dataclass(frozen=True)
class Settings(BaseSettings):
    """Defaults are those of the authors' configuration for EURLex-4K."""

    width: Count = 300
    """Width of the embeddings of tokens, documents and labels."""

    vectors: str = "random"
    """Initial token embeddings: `random`, `corpus` (learnt from the training documents), or a name in vectors/.

    A path with a slash is a text file in the format of GloVe, FastText or word2vec.
    """

    dropout: Dropout = 0.5
    """Dropout in the encoder."""

    epochs: Count = 26
    """Passes over the training documents, in all cycles together."""

    refresh: Natural = 8
    """Epochs of a cycle: then label embeddings and shortlist are computed anew. 0: once, before the first epoch."""

    refresh_at_end: bool = False
    """Predict with label embeddings of the final encoder. Otherwise those of the last cycle are used."""

    labels: Literal["trained", "centroid"] = "trained"
    """Label embeddings: trained, or the mean of the embeddings of a label's documents, as in DeepXML and Astec."""

    label_epochs: Natural = 8
    """Passes over all pairs of a document and its label, to train the label embeddings of a cycle."""

    label_batch: Count = 256
    """Pairs per step of that training."""

    label_lr: Factor = 0.003
    """Learning rate of the label embeddings."""

    label_hidden: Count = 1000
    """Width of the hidden layer that computes them."""

    neighbours: Count = 400
    """Labels on the shortlist of a document."""

    links: Annotated[int, Ge(2), Le(4096)] = 100  # with 1 faiss aborts the process
    """Links per label in the HNSW index that finds the shortlist (M)."""

    build_effort: Count = 300
    """Candidates that are kept while the index is built (efConstruction)."""

    search_effort: Count = 400
    """Candidates that are kept during a search (efSearch)."""

    index_threads: Natural = 1
    """Threads that build the index. Only with 1 it is deterministic. 0: all threads of the job."""

    batch: Count = 255
    """Documents per optimiser step."""

    lr: Factor = 0.006
    """Learning rate."""

    decay: Factor = 0.5
    """Factor on the learning rate at each epoch of `decay_at`."""

    decay_epochs: Count = 14
    """Epochs before the first decay."""

    checkpoint_minutes: NonNegative = 10.0
    """Minutes between two checkpoints."""

    beta: Share = 0.75
    """Weight of the classifier in a label's score. The similarity to the label's embedding has the remaining weight."""

    @property
    def decay_at(self) -> tuple[int, ...]:
        """The epochs, counted from 0, before which the learning rate is multiplied by `decay`.

        The first is `decay_epochs`. As in the authors' code, the interval is halved each time, down to 5.
        The next epoch is its first multiple: 14, 21, 25, 30, ….
        """
        every, found = self.decay_epochs, list[int]()
        for epoch in range(1, self.epochs):
            if epoch % every == 0:
                found.append(epoch)
                every = max(5, every // 2)
        return tuple(found)
