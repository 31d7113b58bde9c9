"""Tokenised corpora: every document is tokenised once and then read from a memory map."""

from __future__ import annotations

import shutil
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lightxml_core.errors import InputError
from lightxml_core.files import atomic_path, load_array, read_json, remake, save_array, unchanged, write_json

Preparation = Literal["plain", "official"]
_CHUNK, _CHARACTERS = 4096, 1 << 22
_FILLER = "filling empty"


@dataclass(frozen=True)
class TokenisedPart:
    """The token ids of one part of a corpus.

    ids: int32[T], all documents concatenated, special tokens included. offsets: int64[N + 1].
    """

    ids: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """int64[N]: tokens of each document."""
        return np.diff(self.offsets)

    def take(self, rows: np.ndarray) -> TokenisedPart:
        """The documents of these rows, in their order, in memory. rows: int64[B]."""
        lengths = self.lengths[rows]
        return TokenisedPart(np.asarray(self.ids[end_to_end(self.offsets[rows], lengths)]), _offsets(lengths))

    def pad(self, rows: np.ndarray, pad_id: int, multiple: int = 8) -> tuple[np.ndarray, np.ndarray]:
        """Ids and mask of some documents, padded at the end to the longest, rounded up to `multiple`.

        rows: int64[B]. Returns int64[B, T] ids and bool[B, T], true where there is a token.
        """
        lengths = self.lengths[rows]
        width = -(-int(lengths.max()) // multiple) * multiple
        mask = np.arange(width) < lengths[:, None]
        ids = np.full(mask.shape, pad_id, np.int64)
        ids[mask] = self.ids[end_to_end(self.offsets[rows], lengths)]
        return ids, mask


def end_to_end(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """int64: the positions start, start + 1, … of each document's tokens, one document after the other."""
    ends = np.cumsum(lengths)
    return np.arange(lengths.sum()) + np.repeat(starts - (ends - lengths), lengths)


def prepare_text(text: str, preparation: Preparation, max_tokens: int) -> str:
    """The text as it is passed to the tokenizer.

    `official` does what LightXML's released code does for every backbone: lower case, only the first `max_tokens`
    white-space words, and a filler for an empty text.
    """
    if preparation == "plain":
        return text
    words = text.lower().split(maxsplit=max_tokens)[:max_tokens]
    return " ".join(words) or _FILLER


def tokenize(
    texts: Iterable[str], encoder: Path, max_tokens: int, preparation: Preparation, out: Path, part: str
) -> None:
    """Tokenise a stream of texts with the encoder's tokenizer into `out/{part}.ids.npy` and `.offsets.npy`.

    At most `max_tokens` ids per document, special tokens included.
    """
    lengths = array("q")
    raw = out / f".{part}.ids.raw"
    out.mkdir(parents=True, exist_ok=True)
    try:
        with raw.open("wb") as flat:
            for chunk in TextTokenizer(encoder, max_tokens, preparation).chunks(texts):
                lengths.extend(map(len, chunk))
                flat.write(_flat(chunk).tobytes())
        _save(raw, lengths, out, part)
    finally:
        raw.unlink(missing_ok=True)


def tokens_of(texts: Iterable[str], encoder: Path, max_tokens: int, preparation: Preparation) -> TokenisedPart:
    """The same for a few texts, in memory."""
    return TextTokenizer(encoder, max_tokens, preparation).tokens_of(texts)


class TextTokenizer:
    """The tokenizer of an encoder, in memory.

    A text becomes at most `max_tokens` ids, special tokens included. A text without tokens becomes one unknown token.
    """

    def __init__(self, encoder: Path, max_tokens: int, preparation: Preparation) -> None:
        """InputError if the folder of the encoder holds no readable `tokenizer.json`."""
        self.max_tokens, self.preparation = max_tokens, preparation
        self.tokenizer = _load_tokenizer(encoder, max_tokens)
        if preparation == "official":
            _tokenize_as_in_2020(self.tokenizer, encoder)

    def tokens_of(self, texts: Iterable[str]) -> TokenisedPart:
        """The ids of a few texts."""
        documents = [ids for chunk in self.chunks(texts) for ids in chunk]
        return TokenisedPart(_flat(documents), _offsets([len(ids) for ids in documents]))

    def words_of(self, text: str) -> list[str]:
        """For each id of a text the word that it is a piece of; empty for a special or unknown token."""
        prepared = prepare_text(text, self.preparation, self.max_tokens)
        found, spans = self.tokenizer.encode(prepared), dict[int, tuple[int, int]]()
        for word, (start, end) in zip(found.word_ids, found.offsets, strict=True):
            if word is not None:
                spans[word] = (min(start, spans.get(word, (start, end))[0]), end)
        return ["" if word is None else prepared[slice(*spans[word])].strip() for word in found.word_ids] or [""]

    def chunks(self, texts: Iterable[str]) -> Iterator[list[list[int]]]:
        """The ids of each text, some thousand texts at a time."""
        unknown = getattr(self.tokenizer.model, "unk_token", None)
        nothing = [] if unknown is None else [self.tokenizer.token_to_id(unknown)]
        prepared = (prepare_text(text, self.preparation, self.max_tokens) for text in texts)
        for chunk in _chunks(prepared):
            yield [item.ids or nothing for item in self.tokenizer.encode_batch_fast(chunk)]


def _flat(documents: list[list[int]]) -> np.ndarray:
    return np.fromiter((i for ids in documents for i in ids), np.int32)


def _offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _save(raw: Path, lengths: Sequence[int], out: Path, part: str) -> None:
    offsets = _offsets(lengths)
    save_array(out / f"{part}.offsets.npy", offsets)
    total = int(offsets[-1])
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.int32)), "fortran_order": False, "shape": (total,)}
    with atomic_path(out / f"{part}.ids.npy") as target, target.open("wb") as ids, raw.open("rb") as flat:
        np.lib.format.write_array_header_1_0(ids, header)
        shutil.copyfileobj(flat, ids)  # not through a memory map: on a full disk that kills the process silently


def load_tokens(folder: Path, part: str) -> TokenisedPart:
    """Open the output of `tokenize`, memory-mapped; InputError if ids and offsets do not fit together."""
    offsets = load_array(unchanged(folder / f"{part}.offsets.npy"))
    ids = load_array(unchanged(folder / f"{part}.ids.npy"), mmap=True)
    whole = len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == len(ids) and bool((np.diff(offsets) > 0).all())
    if not whole:
        raise InputError(f"{folder}/{part}.ids.npy does not fit its offsets: {remake(folder)}")
    return TokenisedPart(ids, offsets)


def describe_tokens(encoder: Path, max_tokens: int, preparation: Preparation, out: Path) -> None:
    """Write `meta.json` beside the arrays, which records their origin."""
    write_json(
        out / "meta.json",
        {"encoder": read_json(encoder / "encoder.json"), "max_tokens": max_tokens, "preparation": preparation},
    )


def _load_tokenizer(encoder: Path, max_tokens: int):  # type: ignore[no-untyped-def]  # tokenizers has no stubs
    from tokenizers import Tokenizer

    path = encoder / "tokenizer.json"
    if not path.is_file():
        raise InputError(f"{path} is missing: the encoder needs a fast tokenizer (tokenizer.json)")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more specific
        raise InputError(f"{path} is not a readable tokenizer ({error}): get the encoder again") from None
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _tokenize_as_in_2020(tokenizer: Any, encoder: Path) -> None:
    """Make the tokenizer behave as the Python tokenizers of transformers 2.11.0, the version that LightXML pins.

    RoBERTa's put a blank before the text, so that its first word is tokenised like any other. XLNet's split the comma
    off every piece that ended in a digit and a comma.
    """
    from tokenizers import Regex, pre_tokenizers

    about = encoder / "config.json"
    kind = read_json(about)["model_type"] if about.is_file() else None
    if kind == "roberta":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    if kind == "xlnet":
        commas = pre_tokenizers.Split(Regex(r"(?<=\d),(?!\d)"), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([tokenizer.pre_tokenizer, commas])


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Some texts at a time, fewer if they are long: the tokenizer holds all tokens of a text before it truncates it."""
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if len(chunk) == _CHUNK or characters > _CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
