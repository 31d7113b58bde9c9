"""Words as in AttentionXML's released code, against recorded tokens of NLTK 3.4's word_tokenize."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import tokens_of
from lightxml_core.encoders.words import SEPARATOR, Split, word_tokenizer


def words(text: str, split: Split = "treebank") -> list[str]:
    """The words of a text, by a tokenizer with all of them in its vocabulary."""
    tokenizer = word_tokenizer([text], 10_000, split)
    return [tokenizer.id_to_token(number) for number in tokenizer.encode(text).ids]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good muffins cost $3.88 in New York.", "good muffins cost 3.88 in new york"),
        ("They'll save, and invest more!", "they 'll save and invest more"),
        ("I can't; she cannot, he'd've", "i ca n't she can not he'd 've"),
        ("Gimme 'tis d'ye wanna gonna lemme gotta more'n", "gim me 't is d 'ye wan na gon na lem me got ta more n"),
        ("the dogs' and the dog's bowl, rock 'n' roll", "the dogs and the dog 's bowl rock n roll"),
        ("He said \"no\" (twice) -- and 'yes' ... ``so''", "he said no twice and 'yes so"),
        ("at 10:30, for 1,000 [of 5%]: a-b/c don’t «x»", "at 10:30 for 1,000 of 5 a-b/c don t x"),
        ("Amends P.L. 109-2. Repeals it.) Ends", "amends p.l 109-2 repeals it ends"),
        ("Mr. Smith of the U.S. Senate, on Dec. 8.", "mr. smith of the u.s. senate on dec. 8"),
        ("A title /SEP/ Its text. /SEP/", "a title /SEP/ its text /SEP/"),
        ("snake_case _ __ ½ ... -- 'S", "snake_case _ __ ½ 's"),
        ("", "[UNK]"),
    ],
)
def test_words_of_the_treebank_by_hand(text: str, expected: str, tmp_path: Path) -> None:
    build_scratch(ScratchConfig("words", split="treebank"), [text, "x"], tmp_path)
    found = tokens_of([text], tmp_path, 500, "plain").ids.tolist()
    tokenizer = word_tokenizer([text, "x"], 8000, "treebank")
    assert " ".join(map(tokenizer.id_to_token, found)) == expected


@given(st.text("aB1 .,:;'\"`()-_½é’%&\n\t/", max_size=60))
@settings(max_examples=150, deadline=None)
def test_only_punctuation_is_dropped_and_no_word_is_punctuation(text: str) -> None:
    found = words(text)
    assert all(any(letter.isalnum() or letter == "_" for letter in word) for word in found)
    told = [letter for letter in text.lower() if letter.isalnum() or letter == "_"]
    assert [letter for word in found for letter in word if letter.isalnum() or letter == "_"] == told


def test_words_between_blanks_are_unchanged() -> None:
    assert words(" Stem, of\tthe U.S.\n", "blanks") == ["Stem,", "of", "the", "U.S."]
    assert words("Stem, of", "marks") == ["stem", ",", "of", "[END]"]


@pytest.mark.parametrize("split", ["blanks", "treebank"])
def test_the_vocabulary_counts_documents_and_has_500_words(split: Split, tmp_path: Path) -> None:
    texts = ["often often often often rare", "both a", "both b rare", "both"]
    assert [word_tokenizer(texts, 5, split).id_to_token(n) for n in range(5)] == ["[PAD]", "[UNK]", "both", "rare", "a"]
    assert word_tokenizer(texts, 5, "marks").id_to_token(3) == "often"
    build_scratch(ScratchConfig("words", split=split), texts, tmp_path)
    marked = tokens_of([f"both {'. , ' * 300} rare {SEPARATOR} " + "a " * 600, " . "], tmp_path, 500, "plain")
    assert marked.lengths.tolist() == [500, 1]
    assert marked.ids[-1] == 1, "a document without a word is one unknown word"
    assert (marked.ids[1] == 3) == (split == "treebank"), "punctuation is gone before the cut"
