"""Tokenised corpora against transformers' own tokenizer, and encoders built from texts alone."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, PreTrainedTokenizerFast

from lightxml_core.encoders.scratch import Kind, ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import TokenisedPart, describe_tokens, load_tokens, prepare_text, tokenize, tokens_of
from lightxml_core.errors import InputError
from lightxml_core.files import read_json, save_array, write_json

KINDS: tuple[Kind, ...] = ("bert", "roberta", "xlnet")
VOCABULARY = 400
UNICODE = st.text(max_size=80) | st.text("aehilmnost ÄéŁ,.-▁#Ġ\n\u2028", max_size=80)


def some_texts(count: int = 120, seed: int = 0) -> list[str]:
    """Sentences of invented words in several alphabets with punctuation; some words are more frequent than others."""
    chance = random.Random(seed)
    parts = ["ka", "lo", "mi", "ter", "ing", "schö", "en", "pre", "Ab", "xo", "ça", "νε", "ед", "s", "Z", "-", "42"]
    words = ["".join(chance.choices(parts, k=chance.randint(1, 5))) for _ in range(500)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    return [" ".join(chance.choices(words, weights, k=20)) + chance.choice(".!?") for _ in range(count)]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A from-scratch encoder of each type."""
    folder = tmp_path_factory.mktemp("encoders")
    for kind in KINDS:
        build_scratch(ScratchConfig(kind, VOCABULARY, 16, 2, 2, 64), some_texts(), folder / kind)
    return {kind: folder / kind for kind in KINDS}


def reference(encoder: Path) -> Any:
    return PreTrainedTokenizerFast(tokenizer_file=str(encoder / "tokenizer.json"))


def read_back(texts: list[str], encoder: Path, max_tokens: int, preparation: Any, out: Path) -> list[list[int]]:
    tokenize(iter(texts), encoder, max_tokens, preparation, out, "trn")
    found = load_tokens(out, "trn")
    assert found.ids.dtype == np.int32 and found.offsets.dtype == np.int64
    return [found.ids[a:b].tolist() for a, b in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


@given(texts=st.lists(UNICODE, min_size=1, max_size=6), max_tokens=st.integers(3, 40), kind=st.sampled_from(KINDS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_token_ids_are_those_of_transformers(
    texts: list[str], max_tokens: int, kind: str, encoders: dict[str, Path], tmp_path: Path
) -> None:
    own = reference(encoders[kind])
    expected = [own(text, truncation=True, max_length=max_tokens)["input_ids"] for text in texts]
    assert read_back(texts, encoders[kind], max_tokens, "plain", tmp_path) == expected


def test_more_texts_than_fit_into_one_chunk(
    encoders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [*some_texts(23, seed=4), ""]
    whole = read_back(texts, encoders["bert"], 12, "plain", tmp_path / "whole")
    monkeypatch.setattr("lightxml_core.encoders.tokens._CHUNK", 5)
    assert read_back(texts, encoders["bert"], 12, "plain", tmp_path / "chunks") == whole
    assert max(map(len, whole)) == 12 and len(whole) == 24
    assert sorted(path.name for path in (tmp_path / "chunks").iterdir()) == ["trn.ids.npy", "trn.offsets.npy"]


def test_the_tokenizers_own_padding_and_truncation_are_ignored(encoders: dict[str, Path], tmp_path: Path) -> None:
    padded = reference(encoders["bert"]).backend_tokenizer
    padded.enable_padding(length=30)
    padded.enable_truncation(4)
    padded.save(str(tmp_path / "tokenizer.json"))
    texts = some_texts(4, seed=9)
    expected = read_back(texts, encoders["bert"], 25, "plain", tmp_path / "a")
    assert read_back(texts, tmp_path, 25, "plain", tmp_path / "b") == expected


def test_a_corpus_without_documents_is_tokenised(encoders: dict[str, Path], tmp_path: Path) -> None:
    assert read_back([], encoders["bert"], 12, "plain", tmp_path) == []


def test_each_type_puts_its_special_tokens_in_their_place(encoders: dict[str, Path], tmp_path: Path) -> None:
    expected = {"bert": ("[CLS]", "[SEP]"), "roberta": ("<s>", "</s>"), "xlnet": ("<sep>", "<cls>")}
    for kind, encoder in encoders.items():
        vocabulary = reference(encoder).get_vocab()
        special = [vocabulary[name] for name in expected[kind]]
        found = read_back(["lomi kater, Ab", "", "mi " * 100], encoder, 10, "plain", tmp_path / kind)
        for ids in found:
            if kind == "xlnet":
                assert ids[-2:] == special and not set(special) & set(ids[:-2])
            else:
                assert [ids[0], ids[-1]] == special and not set(special) & set(ids[1:-1])
        assert len(found[0]) > 4 and found[1] == special and len(found[2]) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_scratch_encoder_has_the_requested_size(kind: str, encoders: dict[str, Path]) -> None:
    """Its ids are those of its tokenizer."""
    config, tokenizer = AutoConfig.from_pretrained(encoders[kind]), reference(encoders[kind])
    assert (config.model_type, config.hidden_size, config.num_hidden_layers) == (kind, 16, 2)
    assert config.vocab_size == len(tokenizer) == len(set(tokenizer.get_vocab().values())) == VOCABULARY
    assert config.pad_token_id == tokenizer.get_vocab()["[PAD]" if kind == "bert" else "<pad>"]
    assert read_json(encoders[kind] / "encoder.json")["type"] == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_scratch_tokenizer_knows_the_words_of_its_texts(kind: str, encoders: dict[str, Path]) -> None:
    """Decoding gives the text, frequent words are one piece, and there are no unknown tokens."""
    tokenizer = reference(encoders[kind])
    unknown = tokenizer.get_vocab()["[UNK]" if kind == "bert" else "<unk>"]
    texts = some_texts()
    for text in texts[:20]:
        ids = tokenizer(text)["input_ids"]
        whole = tokenizer.backend_tokenizer.normalizer.normalize_str(text) if kind == "bert" else text
        again = tokenizer.decode([i for i in ids if i > 4])
        assert unknown not in ids
        assert again.replace(" ", "") == whole.replace(" ", "")
    words = " ".join(texts).split()
    commonest = max(sorted(set(words)), key=words.count)
    assert len(tokenizer(" " + commonest, add_special_tokens=False)["input_ids"]) == 1


def test_bert_marks_pieces_that_continue_a_word(encoders: dict[str, Path]) -> None:
    tokenizer = reference(encoders["bert"])
    assert tokenizer.tokenize("Q") == ["[UNK]"]
    pieces = tokenizer.tokenize("kaxolozmizka")
    assert pieces[0][:2] != "##" and all(piece.startswith("##") for piece in pieces[1:]) and len(pieces) > 1
    assert "".join(piece.removeprefix("##") for piece in pieces) == "kaxolozmizka"


BUILD = """
import sys
from pathlib import Path
from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
texts = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
for kind in ("bert", "roberta", "xlnet"):
    build_scratch(ScratchConfig(kind, 400, 16, 2, 2, 64), texts, Path(sys.argv[2]) / kind)
"""


def fingerprints(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def test_building_an_encoder_is_deterministic_across_processes(encoders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("\n".join(some_texts()), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", BUILD, tmp_path / "texts", tmp_path / "other"]
    environment |= {"PYTHONHASHSEED": "12345", "RAYON_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "true"}
    with subprocess.Popen(command, env=environment) as other:
        first = fingerprints(encoders["bert"].parent)
        assert len(first) == 9
        for kind in KINDS:
            build_scratch(ScratchConfig(kind, VOCABULARY, 16, 2, 2, 64), iter(some_texts()), tmp_path / "again" / kind)
        assert fingerprints(tmp_path / "again") == first
        assert other.wait(timeout=120) == 0
    assert fingerprints(tmp_path / "other") == first


@pytest.mark.parametrize("kind", ["bert", "xlnet", "words"])
def test_empty_texts_are_refused_and_one_letter_suffices_for_a_tokenizer(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no words to train a tokenizer on"):
        build_scratch(ScratchConfig(kind, 100, 16, 2, 2, 64), ["", " "], tmp_path)
    assert not (tmp_path / "tokenizer.json").exists()
    build_scratch(ScratchConfig(kind, 100, 16, 2, 2, 64), ["", "a"], tmp_path)
    assert tokens_of(["a"], tmp_path, 8, "plain").ids.max() > 0


def parts(lists: list[list[int]]) -> TokenisedPart:
    ids = np.array([i for one in lists for i in one], np.int32)
    return TokenisedPart(ids, np.cumsum([0, *map(len, lists)], dtype=np.int64))


@given(
    lists=st.lists(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=40), min_size=1, max_size=8),
    pad_id=st.integers(0, 5),
    multiple=st.integers(1, 20),
    data=st.data(),
)
@settings(max_examples=80, deadline=None)
def test_padding_agrees_with_a_loop(lists: list[list[int]], pad_id: int, multiple: int, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), min_size=1, max_size=10))
    part = parts(lists)
    ids, mask = part.pad(np.array(rows), pad_id, multiple)
    width = max(len(lists[row]) for row in rows)
    while width % multiple:
        width += 1
    assert ids.dtype == np.int64 and mask.dtype == bool
    assert ids.tolist() == [lists[row] + [pad_id] * (width - len(lists[row])) for row in rows]
    assert mask.tolist() == [[True] * len(lists[row]) + [False] * (width - len(lists[row])) for row in rows]
    assert part.lengths.tolist() == [len(one) for one in lists] and len(part) == len(lists)


def test_the_official_preparation_by_hand() -> None:
    text = "  One\tTWO three\u00a0Four\n five  six "
    assert prepare_text(text, "official", 4) == "one two three four"
    assert prepare_text(text, "official", 6) == prepare_text(text, "official", 99) == "one two three four five six"
    assert prepare_text(text, "plain", 4) == text
    for nothing in ("", " \t\n"):
        assert prepare_text(nothing, "official", 4) == "filling empty"
        assert prepare_text(nothing, "plain", 4) == nothing


@given(text=UNICODE, max_tokens=st.integers(2, 12))
@settings(max_examples=60, deadline=None)
def test_the_official_preparation_equals_the_released_code(text: str, max_tokens: int) -> None:
    words = text.lower().split()[:max_tokens]
    found = prepare_text(text, "official", max_tokens)
    assert found.split() == (words or ["filling", "empty"])


def test_officially_prepared_tokens(encoders: dict[str, Path], tmp_path: Path) -> None:
    texts = ["Kalo MI ter ing en pre", ""]
    found = read_back(texts, encoders["roberta"], 4, "official", tmp_path)
    own = reference(encoders["roberta"])  # with a blank, which RoBERTa's tokenizer of 2020 put before a text
    texts = [" kalo mi ter ing", " filling empty"]
    assert found == [own(text, truncation=True, max_length=4)["input_ids"] for text in texts]
    describe_tokens(encoders["roberta"], 4, "official", tmp_path)
    about = read_json(tmp_path / "meta.json")
    assert about["encoder"]["type"] == "roberta" and (about["max_tokens"], about["preparation"]) == (4, "official")


def slow_pieces(tokenizer: Any, text: str) -> list[str]:
    """The pieces of transformers' XLNet tokenizer in Python, given the pieces of its model."""
    found = []
    for piece in tokenizer.encode(text, add_special_tokens=False).tokens:
        ends = len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()
        if not ends:
            found.append(piece)
            continue
        mark = piece.startswith("▁")
        again = tokenizer.encode(piece[mark:-1], add_special_tokens=False).tokens
        found += [*(again if mark else [again[0].removeprefix("▁"), *again[1:]]), ","]
    return found


@given(words=st.lists(st.sampled_from(["90,", "1990", "7,", "a,", "section", "(4,", ",", "90,000", "x"]), max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_xlnet_splits_the_comma_from_a_number(words: list[str], tmp_path: Path) -> None:
    """Its tokenizer in Python did so."""
    text = " ".join([*words, "90,"])
    assert "▁90," in slow_vocabulary() and slow_pieces(unigram(tmp_path), text) == officially_tokenised(text, tmp_path)


def slow_vocabulary() -> list[str]:
    letters = sorted({*"▁0123456789,()asectionx"})
    return [*letters, "▁90,", "0,", "▁7,", "▁1990", "▁section", "90", "▁90", "▁x", "▁a,", ",000"]


def unigram(folder: Path) -> Any:
    """A tokenizer like XLNet's on the hub, whose pieces of numbers end in commas, and its folder."""
    pieces = [("<unk>", -20.0), *((piece, -6.0 / len(piece)) for piece in slow_vocabulary())]
    tokenizer = Tokenizer(models.Unigram(pieces, 0, False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "config.json", {"model_type": "xlnet"})
    return tokenizer


def officially_tokenised(text: str, folder: Path) -> list[str]:
    ids = tokens_of([text], folder, 512, "official").ids
    return [unigram(folder).id_to_token(number) for number in ids.tolist()]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


@pytest.mark.parametrize("name", ["trn.ids.npy", "trn.offsets.npy"])
@pytest.mark.parametrize("harm", [Path.unlink, cut, lambda path: path.write_bytes(b"")], ids=["gone", "cut", "empty"])
def test_damaged_token_files_are_named(name: str, harm: Any, encoders: dict[str, Path], tmp_path: Path) -> None:
    read_back(["lomi", "ka"], encoders["bert"], 8, "plain", tmp_path)
    harm(tmp_path / name)
    with pytest.raises(InputError, match=name):
        load_tokens(tmp_path, "trn")


@pytest.mark.parametrize("offsets", [[], [0], [1, 6], [0, 5], [0, 7], [0, 4, 4, 6], [0, 5, 3, 6]])
def test_offsets_that_do_not_fit_the_ids_are_refused(offsets: list[Any], tmp_path: Path) -> None:
    save_array(tmp_path / "trn.ids.npy", np.arange(6, dtype=np.int32))
    save_array(tmp_path / "trn.offsets.npy", np.array(offsets, np.int64))
    with pytest.raises(InputError, match=r"trn\.ids\.npy does not fit its offsets: move .* away and run again"):
        load_tokens(tmp_path, "trn")


def test_an_encoder_without_a_fast_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tokenizer\.json is missing"):
        tokenize(["a"], tmp_path, 8, "plain", tmp_path / "out", "trn")


def test_a_failing_text_source_leaves_no_files(encoders: dict[str, Path], tmp_path: Path) -> None:
    def failing() -> Any:
        yield "lomi"
        raise InputError("line 2 is not UTF-8")

    with pytest.raises(InputError, match="line 2"):
        tokenize(failing(), encoders["bert"], 8, "plain", tmp_path, "trn")
    assert list(tmp_path.iterdir()) == []
