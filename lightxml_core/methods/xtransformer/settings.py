"""All settings of X-Transformer, in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lightxml_core.methods import BaseSettings
from lightxml_core.methods.transformer import settings as transformer
from lightxml_core.methods.transformer.settings import Encoder, Optimiser, Speed, Training, WarmStart
from lightxml_core.training.schedule import WeightAveraging
from lightxml_core.values import Count, Leaf, Natural, NonNegative, Positive, Share

Combine = Literal["product", "ranker"]


@dataclass(frozen=True)
class Clusters:
    """The label clusters, and how many of them the matcher proposes for a document."""

    clusters_kept: Count = 10
    """Clusters that the matcher proposes for a document."""

    tree: Natural = 0
    """Seed of the clustering."""

    max_leaf: Leaf = 100
    """Largest number of labels in a cluster."""

    embedding: Literal["tfidf", "encoder", "text"] = "tfidf"
    """The embeddings by which labels are clustered. `tfidf`: the sum of the TF-IDF features of a label's documents.

    `encoder`: the sum of their vectors from the pretrained encoder. `text`: the encoder's vector of the label's text.
    With `position: pooled` these vectors are means over all tokens, because the linear layer is not trained yet.
    """

    names_backbone: str = ""
    """The backbone that reads the labels' texts for `embedding: text`. Empty: the member's own."""

    pifa: Literal["equal", "by_labels"] = "equal"
    """Weights of the documents in these sums. `equal`: features are divided by their length.

    `by_labels`, as in the released code: features are divided by the square root of the document's number of labels.
    """


@dataclass(frozen=True)
class Selection(transformer.Selection):
    """As for LightXML, but never on the test set."""

    select: Literal["last", "validation"] = "last"
    """`last`: no selection, the last weights are kept."""


@dataclass(frozen=True)
class Rankers:
    """The linear rankers of labels, and how they rank a document's labels."""

    ranker_negatives: Literal["teacher", "matcher", "both"] = "both"
    """The documents on which a ranker is trained besides those of its label. `teacher`: those of the label's cluster.

    `matcher`: those for which the matcher proposes that cluster.
    """

    cost: Positive = 1.0
    """Weight of the loss relative to the norm of the weights (C of LIBLINEAR)."""

    weight_threshold: Share = 0.01
    """Weights of smaller magnitude are set to 0."""

    combine: Combine = "product"
    """The score of a label: the product of the ranker's and the matcher's confidence, or only the ranker's."""

    listed: Count = 100
    """Largest number of predicted labels per document."""


@dataclass(frozen=True)
class Settings(BaseSettings):
    """All that `methods/*.yaml` can set for X-Transformer, in groups."""

    encoder: Encoder = Encoder(layers=1, feature_dropout=0.1)
    clusters: Clusters = Clusters()
    training: Training = Training(optimiser=Optimiser(weight_decay=0.0, adam_eps=1e-8), loss="hinge")
    averaging: WeightAveraging = WeightAveraging(swa_warmup=10, swa_step=0)
    speed: Speed = Speed()
    warm_start: WarmStart = WarmStart()
    selection: Selection = Selection()

    accumulation_off_by_one: bool = False
    """The first optimiser step of an epoch takes a single micro-batch."""

    checkpoint_minutes: NonNegative = 10.0
    """Minutes between two checkpoints."""

    rankers: Rankers = Rankers()

    def __post_init__(self) -> None:
        super().__post_init__()
        transformer.check_together(self)

    def check_encoder(self, depth: int | None) -> None:
        transformer.check_depth(self.encoder, depth)
