"""All settings of LightXML, and what each protocol sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lightxml_core.errors import InputError
from lightxml_core.methods import BaseSettings
from lightxml_core.values import Count, Dropout, Factor, Leaf, Natural, NonNegative, Share

Head = Literal["flat", "clustered"]
Select = Literal["last", "validation", "test"]


@dataclass(frozen=True)
class Settings(BaseSettings):
    """Defaults are the paper's where it gives one number for all datasets (section 4.2, released code).

    Text and encoder: `backbone` names a file in backbones/; `max_tokens`, of which a prediction reads
    `predict_tokens` (0: as many as training); `text` is `plain` or `official` (lower case, word cut); the last
    `layers` are read at `position` `first`, `class` (the class token's) or `mean` (over all tokens), and
    `combine_layers` concatenates or adds their vectors; `pooled`, for one layer, puts the class token's through a
    linear layer and tanh; `encoder_dropout` off or on;
    `frozen_layers`: so many from the bottom up stay as they came, and the embeddings with them (0: all of the encoder
    learns); `keep_frozen` computes their output for each document once and holds it in memory, 2 bytes per token and
    width; where all layers are frozen, only the features, so that the head learns alone on an encoder of any type.
    Heads: `head`; `bottleneck` width; `clusters_kept` K; `tree` seed of the clustering; `max_leaf` labels a cluster;
    `label_bias` gives the rank head one bias a label. `table`: with `row-sparse` the optimiser touches only the rows
    of the rank head that a step scores; the moments of the others stand still meanwhile. `negatives`: drawn anew at
    each step (`dynamic`, the paper's), the same for a document throughout (`random`, or `earlier`: those that the
    recall head proposed after the warm start), or `all` labels, without sampling. `two_step` trains encoder and
    recall head for the first half of the epochs, then the rank head alone. `padding`: where documents have different
    numbers of candidates, the rank loss counts each once (`masked`), or the last one up to the largest number (`edge`).
    Training: lengths in epochs, `batch` in documents a step, split into `accumulate` micro-batches. In the first
    `short_epochs` a document is cut to `short_tokens`. `adam_eps` is the released code's: with `loss: mean` many
    gradients are smaller, and a smaller one would let the encoder run away. `eps_corrected` adds it
    after the second moment's bias is corrected, as Adam's paper does. `decay_exempt` from weight decay are biases and
    all weights of layer norms (`norms`); by the released code's rule (`names`) it is what has `bias` or
    `LayerNorm.weight` in its name, which XLNet's layer norms do not. `layer_decay`: each layer of the encoder has so
    many times the rate of the one above it. `loss` averages over the labels scored in a micro-batch (paper) or
    sums over them; `hinge` is the squared hinge of X-Transformer's matcher, for the flat head. `clip` is the
    gradient's largest norm, 0 for none. `bucket`: the shuffled documents of so many batches are sorted by length, so
    that little is padded; 1 is the plain shuffle.
    Weight averaging: from the start of epoch `swa_warmup` on, every `swa_step` micro-batches of an epoch; 0 turns it
    off.
    Warm start: `warm_epochs` of the head alone on frozen, standardised features, at `warm_lr`, which by `warm_schedule`
    stays or falls to zero; `prior_bias` starts biases at the labels' log-odds, those of the rank head among the
    documents that rank them.
    Selection: `select` says on what; `evaluate_steps` evaluates within an epoch too, every so many micro-batches, and
    `select_mid_epoch` lets that choose the weights.
    The released code's habits: `protocol` sets those that nothing else names, see PROTOCOLS.
    """

    protocol: Literal["clean", "official"] = "clean"
    backbone: str = "bert-base"
    max_tokens: Count = 512
    predict_tokens: Natural = 0
    text: Literal["plain", "official"] = "plain"
    layers: Count = 5
    combine_layers: Literal["concatenate", "sum"] = "concatenate"
    position: Literal["first", "class", "mean", "pooled"] = "class"
    feature_dropout: Dropout = 0.5
    encoder_dropout: bool = True
    frozen_layers: Natural = 0
    keep_frozen: bool = False

    head: Head = "flat"
    bottleneck: Count = 400
    clusters_kept: Count = 75
    tree: Natural = 0
    max_leaf: Leaf = 100
    label_bias: bool = False
    table: Literal["dense", "row-sparse"] = "dense"
    negatives: Literal["dynamic", "random", "earlier", "all"] = "dynamic"
    two_step: bool = False
    padding: Literal["masked", "edge"] = "masked"

    epochs: Count = 20
    short_epochs: Natural = 0
    short_tokens: Count = 32
    batch: Count = 16
    accumulate: Count = 1
    lr: Factor = 1e-4
    head_lr: Factor = 1e-4
    layer_decay: Share = 1.0
    weight_decay: Share = 0.01
    decay_exempt: Literal["norms", "names"] = "norms"
    adam_eps: Factor = 1e-6
    eps_corrected: bool = True
    schedule: Literal["constant", "linear"] = "constant"
    warmup_steps: Natural = 0
    loss: Literal["mean", "sum", "hinge"] = "mean"
    clip: NonNegative = 0.0
    swa_warmup: Natural = 10
    swa_step: Natural = 200
    bucket: Count = 50
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"

    warm_epochs: Natural = 0
    warm_batch: Count = 64
    warm_lr: Factor = 1e-3
    warm_schedule: Literal["constant", "linear"] = "constant"
    prior_bias: bool = False
    standardise: bool = False

    select: Select = "validation"
    extra_epochs: Natural = 0
    evaluate_steps: Natural = 0
    select_mid_epoch: bool = True
    dropout_off_after_evaluation: bool = False
    accumulation_off_by_one: bool = False

    checkpoint_minutes: NonNegative = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch % self.accumulate:
            raise InputError(f"batch ({self.batch}) must be a multiple of accumulate ({self.accumulate})")
        if self.position == "pooled" and (self.layers != 1 or self.keep_frozen):
            raise InputError("`position: pooled` needs `layers: 1` and no keep_frozen")
        if self.head == "flat" and (self.negatives != "dynamic" or self.two_step):
            raise InputError("the flat head samples nothing: negatives and two_step need `head: clustered`")
        if self.table == "row-sparse" and (self.head == "flat" or self.negatives == "all"):
            raise InputError("`table: row-sparse` needs `head: clustered` and sampled negatives")
        if self.head == "clustered" and self.loss == "hinge":
            raise InputError("the squared hinge is for the flat head: set `loss` to mean or sum")
        if self.keep_frozen and (not self.frozen_layers or self.encoder_dropout or self.short_epochs):
            raise InputError("keep_frozen needs frozen_layers, `encoder_dropout: false` and no short_epochs")
        if self.negatives == "earlier" and not self.warm_epochs:
            raise InputError("negatives of an earlier recall head need a warm start: set warm_epochs")

    @property
    def tokens_predicted(self) -> int:
        """The most tokens of a document that a prediction reads."""
        return self.predict_tokens or self.max_tokens

    @property
    def reads_frozen(self) -> bool:
        """Whether each document passes once through the encoder as it came, before anything is trained."""
        return bool(self.warm_epochs) or self.standardise or self.keep_frozen


# In both the labels are those of the training and the test part together, as in the released code: the metrics need a
# column for each, and one without a training document is a negative of every document. Unlike the released code,
# prediction leaves such labels out.
PROTOCOLS: dict[str, dict[str, Any]] = {
    "clean": {
        "text": "plain",
        "position": "class",
        "select": "validation",
        "extra_epochs": 0,
        "select_mid_epoch": True,
        "dropout_off_after_evaluation": False,
        "accumulation_off_by_one": False,
        "eps_corrected": True,
        "decay_exempt": "norms",
        "padding": "masked",
        "bucket": 50,
    },
    "official": {
        "text": "official",
        "position": "first",
        "select": "test",
        "extra_epochs": 5,
        "select_mid_epoch": False,
        "dropout_off_after_evaluation": True,
        "accumulation_off_by_one": True,
        "eps_corrected": False,  # AdamW of transformers 2.11.0, which the released code pins
        "decay_exempt": "names",
        "padding": "edge",
        "bucket": 1,
    },
}
