"""Groups of settings that LightXML and X-Transformer share: each says what one part of the training does.

In YAML files and in `settings.json` the settings of all groups stand side by side, so no name occurs in two groups.
Defaults are those of LightXML's paper where it gives one number for all datasets (section 4.2, released code).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from lightxml_core.errors import InputError
from lightxml_core.training.devices import Precision
from lightxml_core.training.schedule import Evaluation, Schedule, Step, WeightAveraging
from lightxml_core.values import Count, Dropout, Factor, Natural, NonNegative, Share


@dataclass(frozen=True)
class Encoder:
    """Which encoder reads a document, how much of it, and which of its vectors become features."""

    backbone: str = "bert-base"
    """Name of a file in backbones/."""

    max_tokens: Count = 512
    """The most tokens of a document that training reads."""

    predict_tokens: Natural = 0
    """The most tokens of a document that a prediction reads. 0: as many as training."""

    text: Literal["plain", "official"] = "plain"
    """How texts are prepared. `official`: in lower case and cut after some words, as in the released code."""

    layers: Count = 5
    """How many of the last layers are read."""

    combine_layers: Literal["concatenate", "sum"] = "concatenate"
    """How the vectors of several layers become one."""

    position: Literal["first", "class", "mean", "pooled"] = "class"
    """Which vector of a layer is read: of the first token, of the class token, or the mean over all tokens.

    `pooled`, for one layer: that of the class token after a linear layer and tanh.
    """

    feature_dropout: Dropout = 0.5
    """Dropout on the features, before the head."""

    encoder_dropout: bool = True
    """Whether the encoder uses the dropout of its own configuration."""

    frozen_layers: Natural = 0
    """How many layers, counted from the bottom, keep their pretrained weights, and the embeddings with them.

    0: the whole encoder is trained.
    """

    keep_frozen: bool = False
    """Compute the output of the frozen layers once per document and keep it in memory.

    It takes 2 bytes per token and unit of width. If all layers are frozen, only the features are kept. The head is then
    trained alone, on an encoder of any type.
    """


@dataclass(frozen=True)
class Optimiser:
    """AdamW: its learning rates, its weight decay and its epsilon."""

    lr: Factor = 1e-4
    """Learning rate of the encoder."""

    head_lr: Factor = 1e-4
    """Learning rate of the head."""

    layer_decay: Share = 1.0
    """Learning rate of an encoder layer, as a fraction of that of the layer above it."""

    weight_decay: Share = 0.01
    """Decoupled weight decay, of all parameters that `decay_exempt` does not exempt."""

    decay_exempt: Literal["norms", "names"] = "norms"
    """Which parameters have no weight decay. `norms`: biases and the weights of layer norms.

    `names`, the rule of the released code: those with `bias` or `LayerNorm.weight` in their names. XLNet's layer norms
    have other names.
    """

    adam_eps: Factor = 1e-6
    """Epsilon of Adam, from the released code.

    With `loss: mean` many gradients are smaller than this. With a smaller epsilon the encoder would diverge.
    """

    eps_corrected: bool = True
    """Add epsilon after the bias of the second moment is corrected, as Adam's paper does."""


@dataclass(frozen=True)
class Training:
    """How long and on which batches the model is trained, by which optimiser, to minimise what."""

    epochs: Count = 20
    """Passes over the training documents."""

    batch: Count = 16
    """Documents per optimiser step."""

    accumulate: Count = 1
    """Micro-batches into which a batch is split."""

    optimiser: Optimiser = Optimiser()

    schedule: Schedule = Schedule()

    loss: Literal["mean", "sum", "hinge"] = "mean"
    """Binary cross-entropy, averaged over the labels that are scored in a micro-batch (paper) or summed over them.

    `hinge`: the squared hinge of X-Transformer's matcher, for the flat head.
    """

    clip: NonNegative = 0.0
    """Largest norm of the gradient; a longer one is scaled down. 0: never."""


@dataclass(frozen=True)
class Speed:
    """What makes a training faster."""

    bucket: Count = 50
    """So many batches of shuffled documents are sorted by length, for less padding. 1: a plain shuffle."""

    precision: Precision = "auto"
    """Number format of the encoder's computations. `auto`: the best one that the device supports."""

    step: Step = "auto"
    """How a training step is computed. `plain`: the loss of each step is read before the weights change.

    `fast`: it is read some steps later, so that the processor does not wait for the GPU. `compiled`: also, batches have
    few shapes, and the loss is compiled for each of them. `auto`: `fast` on a GPU, else `plain`.
    """

    packing: bool = False
    """Concatenate the documents of a training batch instead of padding them. For BERT and RoBERTa encoders.

    It is not faster on a CPU. It has not been measured on a GPU.
    """


@dataclass(frozen=True)
class WarmStart:
    """The head is trained alone on features of the frozen encoder, before both are trained together."""

    warm_epochs: Natural = 0
    """Epochs of the head alone. 0: no warm start."""

    warm_batch: Count = 64
    """Documents per step of the warm start."""

    warm_lr: Factor = 1e-3
    """Learning rate of the warm start."""

    warm_schedule: Literal["constant", "linear"] = "constant"
    """Whether that rate is constant or falls to zero."""

    prior_bias: bool = False
    """Start the biases at the log-odds of the labels; those of the rank head among the documents that rank a label."""

    standardise: bool = False
    """Give every feature mean 0 and deviation 1, as computed with the frozen encoder."""


@dataclass(frozen=True)
class Selection:
    """On which documents the weights to keep are selected, and how often."""

    select: Literal["last", "validation", "test"] = "validation"
    """`last`: no selection, the last weights are kept. `test`: on the test set, as in the released code."""

    extra_epochs: Natural = 0
    """Epochs after the last of `epochs`."""

    evaluation: Evaluation = Evaluation()


class TransformerSettings(Protocol):
    """The settings that the shared training reads; a method's own settings have them beside others."""

    @property
    def seed(self) -> int: ...

    @property
    def encoder(self) -> Encoder: ...

    @property
    def training(self) -> Training: ...

    @property
    def averaging(self) -> WeightAveraging: ...

    @property
    def speed(self) -> Speed: ...

    @property
    def warm_start(self) -> WarmStart: ...

    @property
    def selection(self) -> Selection: ...

    @property
    def accumulation_off_by_one(self) -> bool: ...

    @property
    def checkpoint_minutes(self) -> float: ...


def reads_frozen(settings: TransformerSettings) -> bool:
    """Whether each document passes once through the pretrained encoder before anything is trained."""
    warm = settings.warm_start
    return bool(warm.warm_epochs) or warm.standardise or settings.encoder.keep_frozen


def check_together(settings: TransformerSettings) -> None:
    """InputError for settings of the shared groups that do not go together."""
    encoder, training = settings.encoder, settings.training
    if training.batch % training.accumulate:
        raise InputError(f"batch ({training.batch}) must be a multiple of accumulate ({training.accumulate})")
    if encoder.position == "pooled" and (encoder.layers != 1 or encoder.keep_frozen):
        raise InputError("`position: pooled` needs `layers: 1` and no keep_frozen")
    if encoder.keep_frozen and (not encoder.frozen_layers or encoder.encoder_dropout):
        raise InputError("keep_frozen needs frozen_layers and `encoder_dropout: false`")


def check_depth(encoder: Encoder, depth: int | None) -> None:
    """InputError for more layers than the backbone has. depth: its layers, see `BaseSettings.check_encoder`."""
    if depth is None:
        return
    if depth == 0:
        raise InputError(f"backbone: {encoder.backbone} is a vocabulary of words: name an encoder")
    for key, layers in (("layers", encoder.layers), ("frozen_layers", encoder.frozen_layers)):
        if layers > depth:
            has = f"the backbone {encoder.backbone} has {depth} layers"
            raise InputError(f"{key} must be at most {depth}, not {layers}: {has}")


# Settings that models of earlier versions name: those of the clustered head in an X-Transformer, and those that cut
# documents in the first epochs.
FORMER = frozenset(
    {"protocol", "head", "bottleneck", "label_bias", "table", "negatives", "two_step", "padding"}
    | {"short_epochs", "short_tokens"}
)
