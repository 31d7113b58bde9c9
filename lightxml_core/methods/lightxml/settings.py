"""All settings of LightXML, by what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lightxml_core.errors import InputError
from lightxml_core.methods import BaseSettings
from lightxml_core.methods.transformer.settings import (
    Encoder,
    Selection,
    Speed,
    Training,
    WarmStart,
    check_depth,
    check_together,
)
from lightxml_core.training.schedule import WeightAveraging
from lightxml_core.values import Count, Factor, Leaf, Natural, NonNegative, Share

TableUpdates = Literal["dense", "row-sparse", "in-place"]


@dataclass(frozen=True)
class Heads:
    """The head over the labels; all but `head`, `table` and `table_lr` is about the clustered one."""

    head: Literal["flat", "clustered"] = "flat"
    """One linear layer over all labels, or a recall head over label clusters with a rank head over their labels."""

    bottleneck: Count = 400
    """Width of the label embeddings of the rank head."""

    clusters_kept: Count = 75
    """Clusters that the recall head proposes for a document (K in the paper)."""

    tree: Natural = 0
    """Seed of the clustering; it numbers the members of an ensemble."""

    max_leaf: Leaf = 100
    """The most labels of a cluster."""

    label_bias: bool = False
    """Whether the rank head has a bias per label."""

    table: TableUpdates = "dense"
    """How the label vectors are trained. `row-sparse`: a step changes only those that it scores, and their moments.

    `in-place`, for a head that scores every label: by plain SGD at the rate `table_lr`, without storing their gradient
    and its moments. `clip` does not count it.
    """

    table_lr: Factor = 0.05
    """Learning rate of `table: in-place`."""

    negatives: Literal["dynamic", "random", "earlier", "all"] = "dynamic"
    """Which clusters a document has as negatives. `dynamic`, the paper's: those that the recall head proposes.

    `random`: drawn once for each document. `earlier`: those that the recall head proposed after the warm start. `all`:
    every label is scored, without sampling.
    """

    two_step: bool = False
    """Train encoder and recall head in the first half of the epochs, then the rank head alone."""

    padding: Literal["masked", "edge"] = "masked"
    """How the rank loss treats documents with different numbers of candidates. `masked`: each candidate counts once.

    `edge`, as in the released code: the last candidate is repeated up to the largest number.
    """


@dataclass(frozen=True)
class Neighbours:
    """A memory: the votes of the nearest training documents are mixed into the scores of the heads."""

    neighbours: Natural = 0
    """How many training documents vote: those nearest to a document by the cosine of the features. 0: no memory."""

    neighbour_temperature: Factor = 0.05
    """The vote of a neighbour of cosine similarity s counts exp(s / temperature)."""

    neighbour_weight: Share = 0.5
    """Share of the votes in a label's score; that of the heads is the rest."""


@dataclass(frozen=True)
class Settings(BaseSettings):
    """Everything that `methods/*.yaml` may set of LightXML, in groups."""

    protocol: Literal["clean", "official"] = "clean"
    """Sets those habits of the released code that nothing else sets, see `protocols.py`."""

    encoder: Encoder = Encoder()
    heads: Heads = Heads()
    training: Training = Training()
    averaging: WeightAveraging = WeightAveraging(swa_warmup=10, swa_step=200)
    speed: Speed = Speed()
    warm_start: WarmStart = WarmStart()
    selection: Selection = Selection()
    memory: Neighbours = Neighbours()

    accumulation_off_by_one: bool = False
    """The first optimiser step of an epoch takes a single micro-batch, as in the released code."""

    checkpoint_minutes: NonNegative = 10.0
    """Minutes between two checkpoints."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_together(self)
        heads = self.heads
        if heads.head == "flat" and (heads.negatives != "dynamic" or heads.two_step):
            raise InputError("the flat head samples nothing: negatives and two_step need `head: clustered`")
        every = heads.head == "flat" or heads.negatives == "all"
        if heads.table == "row-sparse" and every:
            raise InputError("`table: row-sparse` needs `head: clustered` and sampled negatives")
        if heads.table == "in-place" and (not every or self.training.loss == "hinge"):
            raise InputError("`table: in-place` needs `head: flat` or `negatives: all`, and `loss` mean or sum")
        if heads.head == "clustered" and self.training.loss == "hinge":
            raise InputError("the squared hinge is for the flat head: set `loss` to mean or sum")
        if heads.negatives == "earlier" and not self.warm_start.warm_epochs:
            raise InputError("negatives of an earlier recall head need a warm start: set warm_epochs")

    def check_encoder(self, depth: int | None) -> None:
        check_depth(self.encoder, depth)
