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
    """Defaults are those of the released configuration for EUR-Lex.

    Words: `backbone` names a vocabulary of words in backbones/; `max_tokens`; `text`, see LightXML's.
    Their vectors: `width`, from `vectors`: `random`, `corpus` (learnt from the training documents), one of vectors/, or
    the path of a GloVe, FastText or word2vec text file; a word that the file lacks gets one drawn from U(-1, 1)
    (`uniform`), or of the mean length of the others (`like_others`), as `missing_vectors` says; `learn_vectors` trains
    them further; `word_dropout`.
    Network: `hidden` units of the LSTM in each direction, `dropout` on them, `layers`: widths of the fully connected
    layers that all labels share.
    Tree: `levels`, nodes at each level above the labels, from the top (none: all labels at once); over clusters of at
    most `max_leaf` labels. Levels of more nodes than there are clusters are left out. A document goes down into the
    best `kept` nodes of a level. `tree` numbers the members of an ensemble: clusters, weights and the order of
    documents follow from it, the last two without levels too.
    Training, of each level: `epochs` of `batch` documents at the rate `lr`, shuffled as LightXML's `bucket` says;
    gradients clipped to `clip_relative` × the largest of the last norms. Every `evaluate_steps`, and with
    `evaluate_epochs` at each epoch's end, nDCG@5 of the validation split selects the weights; `patience` evaluations
    without a better one end the training. From epoch `swa_warmup` on, those of the running mean count, taken every
    `evaluate_steps`; one number for all levels, or one a level, the labels' included.
    """

    backbone: str = "words"
    max_tokens: Count = 500
    text: Literal["plain", "official"] = "plain"
    width: Count = 300
    vectors: str = "corpus"
    missing_vectors: Missing = "uniform"
    learn_vectors: bool = True
    word_dropout: Dropout = 0.2

    hidden: Count = 256
    dropout: Dropout = 0.5
    layers: list[Count] = field(default_factory=lambda: [256])

    levels: list[Leaf] = field(default_factory=list)
    max_leaf: Leaf = 8
    tree: Natural = 0
    kept: Count = 160

    epochs: Count = 30
    batch: Count = 40
    lr: Factor = 1e-3
    clip_relative: NonNegative = 5.0
    evaluate_steps: Count = 100
    evaluate_epochs: bool = True
    patience: Natural = 50
    bucket: Count = 50
    swa_warmup: list[Natural] = field(default_factory=lambda: [10])
    checkpoint_minutes: NonNegative = 10.0

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
        """The seed of what this member draws by itself."""
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
