"""All settings of AttentionXML."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from lightxml_core.errors import InputError
from lightxml_core.features.vectors import Missing
from lightxml_core.methods import BaseSettings
from lightxml_core.values import Count, Dropout, Factor, Leaf, Natural, NonNegative


@dataclass(frozen=True)
class Settings(BaseSettings):
    """Defaults are those of the released configuration for EUR-Lex."""

    backbone: str = "words"
    """Name of a vocabulary of words in backbones/."""

    max_tokens: Count = 500
    """The most words of a document that are read."""

    text: Literal["plain", "official"] = "plain"
    """How texts are prepared, as for LightXML."""

    width: Count = 300
    """Width of the word vectors."""

    vectors: str = "corpus"
    """Where the word vectors come from: `random`, `corpus` (learnt from the training documents), or a name in vectors/.

    A path with a slash is a text file in the format of GloVe, FastText or word2vec.
    """

    missing_vectors: Missing = "uniform"
    """The vector of a word that such a file lacks: drawn from U(-1, 1), or of the mean length of the others."""

    vector_length: NonNegative = 0.0
    """Mean length that the word vectors are scaled to, all by one factor, before training. 0: they stay as they are.

    Vectors that are random or learnt from the training documents have length 1.
    """

    learn_vectors: bool = True
    """Whether training changes the word vectors."""

    word_dropout: Dropout = 0.2
    """Dropout on the word vectors."""

    hidden: Count = 256
    """Units of the LSTM in each direction."""

    dropout: Dropout = 0.5
    """Dropout on the output of the LSTM."""

    layers: list[Count] = field(default_factory=lambda: [256])
    """Widths of the fully connected layers that all labels share."""

    levels: list[Leaf] = field(default_factory=list)
    """Nodes of each level above the labels, from the top. None: all labels are scored at once.

    Levels with more nodes than there are label clusters are left out.
    """

    max_leaf: Leaf = 8
    """The most labels of a cluster."""

    tree: Natural = 0
    """Number of the member in an ensemble: clusters, initial weights and the order of documents depend on it."""

    kept: Count = 160
    """Nodes of a level whose children are scored for a document."""

    epochs: Count = 30
    """Passes over the training documents, at each level."""

    batch: Count = 40
    """Documents per optimiser step."""

    lr: Factor = 1e-3
    """Learning rate."""

    clip_relative: NonNegative = 5.0
    """Largest norm of the gradient as a multiple of the largest of the last five norms. 0: any."""

    evaluate_steps: Count = 100
    """Every so many steps nDCG@5 on the validation split is measured, to select the weights."""

    evaluate_epochs: bool = True
    """Measure it at the end of each epoch too."""

    patience: Natural = 50
    """A level's training stops after so many evaluations in a row that found nothing better. 0: never."""

    bucket: Count = 50
    """So many batches of shuffled documents are sorted by length, for less padding. 1: a plain shuffle."""

    swa_warmup: list[Natural] = field(default_factory=lambda: [10])
    """The epoch from which weights enter a running mean, every `evaluate_steps`: one for all levels, or one per level.

    The labels count as the last level.
    """

    checkpoint_minutes: NonNegative = 10.0
    """Minutes between two checkpoints."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(a >= b for a, b in zip(self.levels, self.levels[1:], strict=False)):
            raise InputError(f"`levels` go from few nodes to many, not {self.levels}")
        if any(nodes & (nodes - 1) for nodes in self.levels):
            raise InputError(f"the levels of a tree of halves have 2, 4, 8, … nodes, not {self.levels}")
        if len(self.swa_warmup) not in (1, len(self.levels) + 1):
            raise InputError(
                f"`swa_warmup` is one epoch, or one for each of {len(self.levels) + 1} levels, not {self.swa_warmup}"
            )

    @property
    def own_seed(self) -> int:
        """The seed of the random numbers that belong to this member alone."""
        return 1_009 * self.seed + self.tree

    def for_clusters(self, count: int) -> Settings:
        """The same without the levels that have more nodes than there are label clusters."""
        levels = [nodes for nodes in self.levels if nodes <= count]
        each = len(self.swa_warmup) > 1
        warmup = [*self.swa_warmup[: len(levels)], self.swa_warmup[-1]] if each else self.swa_warmup
        return replace(self, levels=levels, swa_warmup=warmup)

    def averaging_epoch(self, level: int) -> int:
        """The first epoch of a level whose weights enter the running mean."""
        return self.swa_warmup[level if len(self.swa_warmup) > 1 else 0]
