"""The encoder as a module: token ids in, one feature vector per document out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lightxml_core.encoders.attention import attend_within_documents, attention
from lightxml_core.encoders.compilation import Compiled
from lightxml_core.encoders.packing import Packing
from lightxml_core.errors import InputError
from lightxml_core.files import read_json

Position = Literal["first", "class", "mean", "pooled"]
Mask = Tensor | Packing | None
Combination = Literal["concatenate", "sum"]
_CLASS_SEGMENT = 2  # of XLNet's class token; the text's is 0


class Backbone(nn.Module):
    """A transformer whose last layers, each reduced to one vector, represent the document.

    LightXML, section 3.2: the hidden states of the class token in the last five layers, concatenated, 5·d wide. `sum`
    adds them instead, d wide.
    `first` takes position 0 for every type, as the released code does; `class` takes the position of the type's class
    token, which is the last token for XLNet; `mean` averages over the document's tokens; `pooled` passes the class
    token of the last layer through a `Pooler`, as X-Transformer's released code does.
    """

    def __init__(
        self, encoder: nn.Module, layers: int, position: Position, combination: Combination = "concatenate"
    ) -> None:
        super().__init__()
        self.encoder = encoder
        config: Any = encoder.config
        depth, width = int(config.num_hidden_layers), int(config.hidden_size)
        if layers > depth:
            raise InputError(f"`layers` is {layers}, but the encoder has {depth} layers: lower it")
        self.layers, self.depth = layers, depth
        self.summed = combination == "sum"
        self.width = width if self.summed else layers * width
        self.frozen = 0
        self.kind = str(config.model_type)
        self.resumes = self.kind in ("bert", "roberta", "mpnet")
        self.averaged = position == "mean"
        self.at_end = position in ("class", "pooled") and self.kind == "xlnet"
        self.pooler = Pooler(encoder) if position == "pooled" else None
        held: Any = encoder
        if getattr(held, "pooler", None) is not None:
            held.pooler = None  # unused here; it would only take memory
        self.pad_id = int(config.pad_token_id if config.pad_token_id is not None else 0)
        self.positions = _positions(config)
        self.compiled: Compiled | None = None
        self.attends_within = False  # attention takes a `Packing` instead of a mask

    def freeze(self, count: int) -> None:
        """Freeze the embeddings and the first `count` layers: training computes gradients only above them."""
        self.frozen = count
        for module in self.blocks()[: count + 1]:
            module.requires_grad_(False)
        if self.kind == "mpnet":  # its layers share one table of distances
            encoder: Any = self.encoder
            encoder.encoder.relative_attention_bias.requires_grad_(False)

    def blocks(self) -> list[nn.Module]:
        """The embeddings, then the layers from the bottom up."""
        encoder: Any = self.encoder
        if self.kind == "xlnet":
            return [encoder.word_embedding, *encoder.layer]
        return [encoder.embeddings, *encoder.encoder.layer]

    def forward(self, ids: Tensor, mask: Mask) -> Tensor:
        """ids: int64[B, T]; mask: bool[B, T], or None if every token is real. Returns float[B, width].

        Documents may also be packed: then ids are int64[1, T], and the mask is their `Packing`.
        """
        return self.combined(self.read(self.states(ids, mask), mask))

    def combined(self, vectors: Tensor) -> Tensor:
        """float[B, width] features from one vector per layer, float[B, layers·d]."""
        return vectors.unflatten(1, (self.layers, self.width)).sum(1) if self.summed else vectors

    def states(self, ids: Tensor, mask: Mask) -> tuple[Tensor, ...]:
        """Hidden states float[B, T, d] of the embeddings and of every layer.

        InputError for a document that is longer than the encoder can read; padding beyond that is cut off.
        """
        if isinstance(mask, Packing):
            return self._packed_states(ids, mask)
        if ids.shape[1] > self.positions:
            if mask is None or bool(mask[:, self.positions :].any()):
                raise self._too_long()
            ids, mask = ids[:, : self.positions], mask[:, : self.positions]
        attended = self._attended(ids, mask)
        if self.compiled is not None and self.training:
            encoder: Any = self.encoder
            lower = encoder.embeddings(input_ids=ids)
            return (lower, *self._above(lower, attended, 0, len(ids)))
        given = {"input_ids": ids, "attention_mask": attended, **self._segments(ids, mask)}
        return tuple(self.encoder(**given, output_hidden_states=True).hidden_states)

    def _too_long(self) -> InputError:
        return InputError(f"the encoder reads at most {self.positions} tokens: lower `max_tokens` to that")

    def _packed_states(self, ids: Tensor, packing: Packing) -> tuple[Tensor, ...]:
        """As `states`, with B = 1. Each document has positions of its own, and its tokens attend to it only."""
        encoder: Any = self.encoder
        first = self.pad_id + 1 if self.kind == "roberta" else 0
        lower = encoder.embeddings(input_ids=ids, position_ids=packing.positions + first)
        attended = packing if self.attends_within else packing.mask(lower.dtype)
        return (lower, *self._above(lower, attended, 0, packing.documents))

    def _attended(self, states: Tensor, mask: Tensor | None) -> Tensor | None:
        """The mask in the form that the attention layers take, so that transformers does not build it.

        states: of shape [B, T, …]. transformers would first ask the device whether anything is padded, and wait for the
        answer (5.23).
        """
        from transformers.masking_utils import create_bidirectional_mask

        if mask is None or self.kind == "xlnet":
            return None if mask is None else mask.long()
        encoder: Any = self.encoder
        shape_and_type = torch.empty(*states.shape[:2], 0, device=states.device, dtype=encoder.dtype)
        found = create_bidirectional_mask(
            config=encoder.config,
            inputs_embeds=shape_and_type,
            attention_mask=mask.long(),
            allow_is_bidirectional_skip=False,
        )
        assert isinstance(found, Tensor)
        return found

    def _segments(self, ids: Tensor, mask: Tensor | None) -> dict[str, Tensor]:
        """Segment ids that give XLNet's class token its own segment, as its tokenizer does; only for `pooled`."""
        if self.pooler is None or self.kind != "xlnet":
            return {}
        return {"token_type_ids": torch.zeros_like(ids).scatter_(1, _last(ids, mask).unsqueeze(1), _CLASS_SEGMENT)}

    def states_above(self, lower: Tensor, mask: Tensor | None) -> list[Tensor]:
        """The states of the trained layers from float[B, T, d], the output of the frozen ones; not for XLNet."""
        return self._above(lower, self._attended(lower, mask), self.frozen, len(lower))

    def take_packed(self, longest: int) -> None:
        """Prepare for packed documents of at most `longest` tokens, where `why_not_packed` gives None.

        InputError if the encoder has fewer positions.
        """
        if longest > self.positions:
            raise self._too_long()
        if next(self.parameters()).is_cuda:
            attend_within_documents(self.encoder)
            self.attends_within = True

    def compile_layers(self, batch: int, graphs: bool) -> None:
        """Compile the layers for training on `batch` documents at once, for each length that occurs.

        Other numbers of documents are computed as before; so is everything by an encoder of the XLNet type.
        graphs: on a GPU, also record the layers as CUDA graphs.
        """
        if self.resumes:
            self.compiled = Compiled(self._layers, batch, graphs)

    def _above(self, lower: Tensor, attention: Mask, first: int, documents: int) -> list[Tensor]:
        encoder: Any = self.encoder
        distances = [encoder.encoder.compute_position_bias(lower)] if self.kind == "mpnet" else []
        if self.compiled is None or not self.training:
            return self._layers(first, lower, attention, *distances)
        found: list[Tensor] = self.compiled(documents, first, lower, attention, *distances)
        return found

    def _layers(self, first: int, lower: Tensor, *given: Mask) -> list[Tensor]:
        """The states of the layers from number `first` on. given: what each layer takes beside the states."""
        encoder: Any = self.encoder
        states = [lower]
        for layer in encoder.encoder.layer[first:]:
            found = layer(states[-1], *given)
            states.append(found[0] if isinstance(found, tuple) else found)
        return states[1:]

    def read(self, states: Sequence[Tensor], mask: Mask) -> Tensor:
        """float[B, n·d]: the last `layers` states (or all, if fewer), each reduced to one vector per document."""
        if isinstance(mask, Tensor):
            mask = mask[:, : states[-1].shape[1]]
        read = torch.cat([self._read(state, mask) for state in states[-self.layers :]], dim=1)
        return read if self.pooler is None else self.pooler(read)

    def _read(self, state: Tensor, mask: Mask) -> Tensor:
        """float[B, d] from float[B, T, d], the hidden states of one layer."""
        if isinstance(mask, Packing):
            return _means(state[0], mask.members(), "td,bt->bd") if self.averaged else state[0, mask.starts()]
        if self.averaged:
            real = state.new_ones(state.shape[:2], dtype=torch.bool) if mask is None else mask
            return _means(state, real, "btd,bt->bd")
        if not self.at_end:
            return state[:, 0]
        return state[torch.arange(len(state), device=state.device), _last(state, mask)]


class Pooler(nn.Module):
    """tanh of a linear layer on the class token: pretrained for BERT and MPNet, new for the other types.

    New layers are initialised as in the published classification heads: RoBERTa's by torch's default, with dropout
    before it, XLNet's from a normal distribution.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        config: Any = encoder.config
        own: Any = getattr(encoder, "pooler", None)
        kept = own is not None and config.model_type in ("bert", "mpnet")
        self.dense = own.dense if kept else nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob if config.model_type == "roberta" else 0.0)
        if config.model_type == "xlnet":
            nn.init.normal_(self.dense.weight, std=config.initializer_range)
            nn.init.zeros_(self.dense.bias)

    def forward(self, read: Tensor) -> Tensor:
        """float[B, d] of float[B, d]."""
        return torch.tanh(self.dense(self.dropout(read)))


def _means(states: Tensor, real: Tensor, summed: str) -> Tensor:
    """float32[B, d]: the mean of the states of each document's tokens.

    states: float[B, T, d], or float[T, d] of packed documents. real: bool[B, T], which tokens count. summed: the
    equation of the sum of weighted states for `einsum`.
    """
    with torch.autocast(states.device.type, enabled=False):
        return torch.einsum(summed, states.float(), real / real.sum(1, keepdim=True))


def _last(states: Tensor, mask: Tensor | None) -> Tensor:
    """int64[B]: the position of each document's last token. states: of shape [B, T, …]."""
    if mask is not None:
        return mask.sum(1) - 1
    return torch.full((len(states),), states.shape[1] - 1, device=states.device)


def _positions(config: Any) -> int:
    """The largest number of tokens; XLNet has no limit, because its positions are relative."""
    count = int(getattr(config, "max_position_embeddings", -1))
    if count < 0:
        return sys.maxsize
    counted_from_padding = config.model_type in ("roberta", "mpnet")
    return count - int(config.pad_token_id) - 1 if counted_from_padding else count


def load_encoder(folder: Path, dropout: bool, pretrained: bool = True) -> nn.Module:
    """Build the encoder of a folder, with its weights if it has some and `pretrained` is set.

    Otherwise the weights are drawn from torch's global generator: seed it before. `dropout=False` turns the encoder's
    own dropout off. The network is never used.
    """
    from transformers import AutoModel
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # it would show the loading of weights, which takes a moment
    config = _configuration(folder, dropout)
    chosen = attention(config, dropout)
    weights = folder / "model.safetensors"
    if not (pretrained and weights.is_file()):
        model = AutoModel.from_config(config, attn_implementation=chosen, trust_remote_code=False)
    else:
        model = AutoModel.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            attn_implementation=chosen,
        )
    return nn.Module.train(model)


def _configuration(folder: Path, dropout: bool) -> Any:
    from transformers import AutoConfig

    read_json(folder / "config.json")
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if config.model_type == "xlnet":
        config.use_mems_train = config.use_mems_eval = False
    if not dropout:
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "summary_last_dropout"):
            if hasattr(config, name):
                setattr(config, name, 0.0)
    return config
