"""Tokenizers of whole words, for the methods that learn or look up one vector per word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Literal

Split = Literal["marks", "blanks", "treebank"]
SEPARATOR = "/SEP/"  # between title and description in Amazon's texts
_PADDING, _UNKNOWN, _END = "[PAD]", "[UNK]", "[END]"


def word_tokenizer(texts: Iterable[str], vocabulary: int, split: Split) -> Any:
    """A tokenizer with the most frequent words of `texts`, at most `vocabulary`; padding is 0, any other word 1.

    `marks`: words and punctuation marks in lower case, counted by occurrence, as `text [END]`, so no document is empty.
    The other two are those of AttentionXML's released code (preprocess.py), counted by document, with nothing added
    after the text. `blanks`: the unchanged strings between blanks. `treebank`: the words of NLTK 3.4's word_tokenize in
    lower case, except those of only punctuation; `/SEP/` is a word. A rule finds the ends of sentences instead of
    NLTK's trained model. Words of equal count are numbered in alphabetical order.
    """
    from tokenizers import Tokenizer, models, processors

    tokenizer = Tokenizer(models.WordLevel({}, unk_token=_UNKNOWN))
    _SPLITS[split](tokenizer)
    special = [_PADDING, _UNKNOWN, *([_END] if split == "marks" else [])]
    count = _word_counts(texts, tokenizer, once=split != "marks")
    names = special + sorted(count.keys() - set(special), key=lambda word: (-count[word], word))
    tokenizer.model = models.WordLevel({name: i for i, name in enumerate(names[:vocabulary])}, unk_token=_UNKNOWN)
    tokenizer.add_special_tokens(special)
    if split == "marks":
        end = [(_END, tokenizer.token_to_id(_END))]
        tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {_END}", special_tokens=end)
    return tokenizer


def _word_counts(texts: Iterable[str], tokenizer: Any, once: bool) -> Counter[str]:
    """How often each word occurs, or with `once` the number of texts with it."""
    count: Counter[str] = Counter()
    for text in texts:
        normalised = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
        words = [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalised)]
        count.update(set(words) if once else words)
    return count


def _marks(tokenizer: Any) -> None:
    from tokenizers import normalizers, pre_tokenizers

    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()


def _blanks(tokenizer: Any) -> None:
    from tokenizers import pre_tokenizers

    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()


# Abbreviations whose point does not end a sentence, besides single letters: the common ones of NLTK's English model.
_ABBREVIATIONS = (
    "adm ave bros co col corp cos dr ft gen inc jr lt ltd maj messrs mr mrs ms prof rep reps sen sr st vs yr "
    "jan feb aug sep sept oct nov dec tues wed fri "
    "a.d a.m d.c l.a m.b.a n.c n.d n.h n.j n.m n.v n.y p.m ph.d r.i s.a s.c u.k u.n u.s u.s.a u.s.s.r w.va "
    "ala ariz calif colo conn ct fla ga ill kan ky mich minn nev okla ore pa tenn va vt wash wis"
)
_CLOSING = "[\\])}>\"'»”’ ]*"
_POINTED = "|".join([r"[^.\w][a-z]", *(r"\b" + word.replace(".", r"\.") for word in _ABBREVIATIONS.split())])

# The rules of the Treebank tokenizer of NLTK 3.4. It makes tokens of punctuation, which are dropped afterwards, so here
# they become blanks.
_BLANKED = (
    r"(?<=[ (\[{<])''",
    '[«“‘„`;@#$%&?!\\[\\](){}<>»”’"]',
    r"'(?!re|ve|ll|m|t|s|d)(?=\w\b)",  # an opening quotation mark before a letter that stands alone
    r"[:,](?!\d)",
    r"\.\.\.",
    "(?<=[^'])'(?= )",
    "--",
    r"(?<=\S)''",
)
_SENTENCE_END = (
    rf"(?<=[^.\s])(?<!{_POINTED})\.(?={_CLOSING}(?:\s|$))",
    rf"(?<=[^.])\.(?={_CLOSING}$)",  # of the text's last sentence, whatever stands before it
)
_CONTRACTED = ("can not", "d 'ye", "gim me", "gon na", "got ta", "lem me")
_PARTED = (
    "(?<=[^'])(?:'[smd]|')$",
    "(?<=[^'])(?:'ll|'re|'ve|n't)$",
    *(rf"\b{a}(?={b}\b)|(?<=\b{a}){b}\b" for a, b in map(str.split, _CONTRACTED)),
    r"\bwan(?=na$)|(?<=\bwan)na$",
    r"^'t(?=(?:is|was)\b)|(?<=^'t)(?:is|was)\b",
)
_NO_WORD = r"^[^\p{L}\p{N}_]+$"


def _treebank(tokenizer: Any) -> None:
    from tokenizers import Regex, normalizers, pre_tokenizers

    blanked = [normalizers.Replace(Regex(pattern), " ") for pattern in (*_SENTENCE_END, *_BLANKED)]
    parted = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in _PARTED]
    separators = normalizers.Replace(SEPARATOR.lower(), SEPARATOR)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *blanked, separators])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), *parted, pre_tokenizers.Split(Regex(_NO_WORD), "removed")]
    )


_SPLITS: dict[Split, Callable[[Any], None]] = {"marks": _marks, "blanks": _blanks, "treebank": _treebank}
