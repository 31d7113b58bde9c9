"""Encoders without pretrained weights: a small configuration and a tokenizer trained on the corpus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from lightxml_core.encoders.words import Split, word_tokenizer
from lightxml_core.errors import InputError
from lightxml_core.files import write_json, write_text

Kind = Literal["bert", "roberta", "xlnet", "words"]
_MARK = "▁"  # put before a word by Metaspace


@dataclass(frozen=True)
class ScratchConfig:
    """Size of a from-scratch encoder; the weights are drawn from the run's seed when training starts.

    `words` is not a transformer but a tokenizer of whole words, for the methods that embed words. It uses only
    `vocabulary` and `split`, the definition of a word: see `words.word_tokenizer`.
    """

    type: Kind
    vocabulary: int = 8000
    width: int = 128
    layers: int = 5
    heads: int = 4
    positions: int = 512
    split: Split = "marks"

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise InputError(f"width ({self.width}) must be a multiple of heads ({self.heads})")
        if self.type == "xlnet" and self.width % 2:
            raise InputError(f"width ({self.width}) of an xlnet must be even: half are sines, half cosines")

    @property
    def depth(self) -> int:
        """Layers of the transformer; 0 for words."""
        return 0 if self.type == "words" else self.layers


WITHOUT_EFFECT: dict[Kind, frozenset[str]] = {  # fields that a type does not use
    "bert": frozenset({"split"}),
    "roberta": frozenset({"split"}),
    "xlnet": frozenset({"positions", "split"}),
    "words": frozenset({"width", "layers", "heads", "positions"}),
}


def build_scratch(config: ScratchConfig, texts: Iterable[str], out: Path) -> None:
    """Train the tokenizer of the type on `texts`, write it and the config; equal texts give equal bytes.

    Leaves `config.json` (none for words), `tokenizer.json` and `encoder.json` in `out`; no weights.
    """
    if config.type == "words":
        tokenizer = word_tokenizer(texts, config.vocabulary, config.split)
    else:
        tokenizer = _TOKENIZERS[config.type](texts, config.vocabulary)
    out.mkdir(parents=True, exist_ok=True)
    size, special = (
        tokenizer.get_vocab_size(),
        {token.content for token in tokenizer.get_added_tokens_decoder().values()},
    )
    if not any(piece.strip(_MARK) for piece in tokenizer.get_vocab().keys() - special):
        raise InputError("the training texts have no words to train a tokenizer on: check the texts")
    write_text(out / "tokenizer.json", tokenizer.to_str(pretty=True))  # its own `save` hides the cause of an error
    if config.type != "words":
        write_json(out / "config.json", _model_config(config, tokenizer, size))
    write_json(out / "encoder.json", {"source": "scratch", **asdict(config)})


def _model_config(config: ScratchConfig, tokenizer: Any, size: int) -> dict[str, Any]:
    from transformers import BertConfig, RobertaConfig, XLNetConfig

    if config.type == "xlnet":
        return dict(
            XLNetConfig(
                vocab_size=size,
                d_model=config.width,
                n_layer=config.layers,
                n_head=config.heads,
                d_inner=4 * config.width,
                pad_token_id=tokenizer.token_to_id("<pad>"),
            ).to_dict()
        )
    family = BertConfig if config.type == "bert" else RobertaConfig
    pad = tokenizer.token_to_id("[PAD]" if config.type == "bert" else "<pad>")
    return dict(
        family(
            vocab_size=size,
            hidden_size=config.width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            intermediate_size=4 * config.width,
            max_position_embeddings=config.positions + (pad + 1 if config.type == "roberta" else 0),
            pad_token_id=pad,
        ).to_dict()
    )


def _wordpiece(texts: Iterable[str], vocabulary: int) -> Any:
    """BERT's: lower-cased WordPiece, `[CLS] text [SEP]`.

    The pieces are those of `_bpe` with the opposite mark: there `▁th` begins a word and `th` continues one, here `th`
    begins a word and `##th` continues one.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    normalizer = normalizers.BertNormalizer(lowercase=True)
    words = pre_tokenizers.BertPreTokenizer()
    marked = _bpe(texts, vocabulary, [], normalizer, pre_tokenizers.Sequence([words, pre_tokenizers.Metaspace()]))
    pieces = sorted(marked.get_vocab(), key=marked.token_to_id)
    letters = sorted(set("".join(pieces)) - {_MARK})
    turned = [piece[1:] if piece.startswith(_MARK) else f"##{piece}" for piece in pieces if piece != _MARK]
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters), *turned]
    numbered = {name: i for i, name in enumerate(list(dict.fromkeys(names))[:vocabulary])}
    tokenizer = Tokenizer(models.WordPiece(numbered, unk_token="[UNK]"))
    tokenizer.add_special_tokens(names[:5])
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, words, decoders.WordPiece()
    last, first = _ids(tokenizer, "[SEP]", "[CLS]")
    tokenizer.post_processor = processors.BertProcessing(last, first)
    return tokenizer


def _bytelevel(texts: Iterable[str], vocabulary: int) -> Any:
    """RoBERTa's: cased byte-level BPE, `<s> text </s>`."""
    from tokenizers import decoders, pre_tokenizers, processors

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = _bpe(texts, vocabulary, special, None, pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.decoder = decoders.ByteLevel()
    last, first = _ids(tokenizer, "</s>", "<s>")
    tokenizer.post_processor = processors.RobertaProcessing(last, first)
    return tokenizer


def _marked(texts: Iterable[str], vocabulary: int) -> Any:
    """XLNet's: cased pieces that mark a word's beginning, `text <sep> <cls>` (the class token comes last)."""
    from tokenizers import decoders, pre_tokenizers, processors

    special = ["<unk>", "<pad>", "<cls>", "<sep>", "<mask>"]
    tokenizer = _bpe(texts, vocabulary, special, None, pre_tokenizers.Metaspace(), unk_token="<unk>")
    tokenizer.decoder = decoders.Metaspace()
    special_ids = _ids(tokenizer, "<sep>", "<cls>")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <sep> <cls>", special_tokens=special_ids)
    return tokenizer


def _bpe(
    texts: Iterable[str], vocabulary: int, special: list[str], normalizer: Any, pre_tokenizer: Any, **options: Any
) -> Any:
    """Byte-pair encoding trained on `texts`. All types use this trainer, because it is deterministic.

    The library's WordPiece and Unigram trainers number letters and sum counts in the order of a hash map whose seed
    differs in every process, so their tokenizers differ from run to run.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(**options))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    bytes_only = isinstance(pre_tokenizer, pre_tokenizers.ByteLevel)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if bytes_only else [],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _ids(tokenizer: Any, *names: str) -> list[tuple[str, int]]:
    return [(name, tokenizer.token_to_id(name)) for name in names]


_TOKENIZERS = {"bert": _wordpiece, "roberta": _bytelevel, "xlnet": _marked}
