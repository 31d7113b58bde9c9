"""All settings of X-Transformer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from lightxml_core.methods.transformer import settings as lightxml
from lightxml_core.values import Count, Dropout, Factor, Natural, Positive, Share

Combine = Literal["product", "ranker"]


@dataclass(frozen=True)
class Settings(lightxml.Settings):
    """The matcher is a flat LightXML over label clusters and takes the same settings; of its heads only the flat one.

    Clusters: of at most `max_leaf` labels, grown from the seed `tree`, by label `embedding`: the sum of the TF-IDF
    features of a label's documents (`tfidf`), or of their vectors from the encoder as it came (`encoder`), or the
    encoder's vector of the label's own `text`; if it is set, the encoder `names_backbone` reads that. In a sum each
    document counts the same, its features divided by their length (`pifa: equal`), or its features are divided by the
    root of the number of its labels (`by_labels`, the released code's). With `position: pooled` label embeddings are
    means over all tokens, because a new pooler means nothing before it has learnt.
    Rankers: `cost` (C) and `weight_threshold`; each learns from its label's documents and, as negatives, from those of
    its label's cluster (`teacher`), from those for which the matcher proposes that cluster (`matcher`), or `both`.
    The matcher proposes `clusters_kept`. A label's score is the `product` of the ranker's confidence and the matcher's,
    or the `ranker`'s alone, which then orders all labels of the proposed clusters; the best `listed` are given.
    """

    UNSETTABLE: ClassVar[frozenset[str]] = lightxml.Settings.UNSETTABLE | {  # of protocols and the clustered head
        *("protocol", "head", "bottleneck", "label_bias", "table", "negatives", "two_step")
    }

    head: Literal["flat"] = "flat"
    layers: Count = 1
    loss: Literal["mean", "sum", "hinge"] = "hinge"
    feature_dropout: Dropout = 0.1
    swa_step: Natural = 0
    weight_decay: Share = 0.0
    adam_eps: Factor = 1e-8
    select: Literal["last", "validation"] = "last"
    clusters_kept: Count = 10

    embedding: Literal["tfidf", "encoder", "text"] = "tfidf"
    names_backbone: str = ""
    pifa: Literal["equal", "by_labels"] = "equal"
    ranker_negatives: Literal["teacher", "matcher", "both"] = "both"
    cost: Positive = 1.0
    weight_threshold: Share = 0.01
    combine: Combine = "product"
    listed: Count = 100

    def of_matcher(self) -> lightxml.Settings:
        """What the matcher is trained with."""
        values: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(lightxml.Settings)}
        return lightxml.Settings(**values)
