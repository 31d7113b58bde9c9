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
    """Largest number of words of a document that are read."""

    text: Literal["plain", "official"] = "plain"
    """How texts are prepared, as for LightXML."""

    width: Count = 300
    """Width of the word vectors."""

    vectors: str = "corpus"
    """Initial word vectors: `random`, `corpus` (learnt from the training documents), or a name in vectors/.

    A path with a slash is a text file in the format of GloVe, FastText or word2vec.
    """

    missing_vectors: Missing = "uniform"
    """The vector of a word that is not in the file: drawn from U(-1, 1), or random with the others' mean length."""

    vector_length: NonNegative = 0.0
    """Mean length to which one factor scales all word vectors before training. 0: they are not scaled.

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
    """Widths of the fully connected layers shared by all labels."""

    levels: list[Leaf] = field(default_factory=list)
    """Nodes of each level above the labels, from the top. None: all labels are scored at once.

    Levels with more nodes than there are label clusters are left out.
    """

    max_leaf: Leaf = 8
    """Largest number of labels in a cluster."""

    tree: Natural = 0
    """Number of the member in an ensemble. Clusters, initial weights and the order of documents depend on it."""

    kept: Count = 160
    """Nodes of a level whose children are scored for a document."""

    epochs: Count = 30
    """Passes over the training documents, at each level."""

    batch: Count = 40
    """Documents per optimiser step."""

    lr: Factor = 1e-3
    """Learning rate."""

    clip_relative: NonNegative = 5.0
    """Largest norm of the gradient as a multiple of the largest of the last five norms. 0: no limit."""

    evaluate_steps: Count = 100
    """Steps between evaluations by nDCG@5 on the validation split, which select the weights."""

    evaluate_epochs: bool = True
    """Also evaluate at the end of each epoch."""

    patience: Natural = 50
    """Training of a level stops after this number of evaluations in a row without an improvement. 0: never."""

    bucket: Count = 50
    """Number of batches within which shuffled documents are sorted by length, to reduce padding. 1: a plain shuffle."""

    swa_warmup: list[Natural] = field(default_factory=lambda: [10])
    """The epoch at which averaging of the weights starts: one for all levels, or one per level.

    The mean is updated every `evaluate_steps`. The labels count as the last level.
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
        """The seed of this member's own random numbers."""
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
