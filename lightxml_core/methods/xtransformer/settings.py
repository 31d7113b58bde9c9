"""All settings of X-Transformer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from lightxml_core.errors import InputError
from lightxml_core.methods.lightxml import settings as lightxml

Combine = Literal["product", "ranker"]


@dataclass(frozen=True)
class Settings(lightxml.Settings):
    """The matcher is a flat LightXML over label clusters and takes the same settings; of its heads only the flat one.

    Clusters: of at most `max_leaf` labels, grown from the seed `tree`, by label `embedding`: the sum of the TF-IDF
    features of a label's documents (`tfidf`), or of their vectors from the encoder as it came (`encoder`), or the
    encoder's vector of the label's own `text`.
    Rankers: `cost` (C) and `weight_threshold`; each learns from its label's documents and, as negatives, from those of
    its label's cluster (`teacher`), from those for which the matcher proposes that cluster (`matcher`), or `both`.
    The matcher proposes `clusters_kept`. A label's score is the `product` of the ranker's confidence and the matcher's,
    or the `ranker`'s alone, which then orders all labels of the proposed clusters; the best `listed` are given.
    """

    layers: int = 1
    loss: Literal["mean", "sum", "hinge"] = "hinge"
    feature_dropout: float = 0.1
    swa_step: int = 0
    weight_decay: float = 0.0
    adam_eps: float = 1e-8
    select: lightxml.Select = "last"
    clusters_kept: int = 10

    embedding: Literal["tfidf", "encoder", "text"] = "tfidf"
    ranker_negatives: Literal["teacher", "matcher", "both"] = "both"
    cost: float = 1.0
    weight_threshold: float = 0.01
    combine: Combine = "product"
    listed: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.head != "flat" or self.select == "test":
            raise InputError("the matcher has a flat head and never selects on the test set: leave `head` and `select`")
        if self.listed < 1:
            raise InputError(f"`listed` must be 1 or more, not {self.listed}")

    def of_matcher(self) -> lightxml.Settings:
        """What the matcher is trained with."""
        values: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(lightxml.Settings)}
        return lightxml.Settings(**values)
