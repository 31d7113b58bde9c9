from __future__ import annotations

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from benchmarks.synthetic import Shape, generate
from lightxml_core import arrays
from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.errors import InputError
from lightxml_core.features import counts
from lightxml_core.features.labels import label_features, normalise_rows
from lightxml_core.features.text import build_bow, build_tfidf
from lightxml_core.features.unspaced import CountedTexts
from lightxml_core.features.vectoriser import read_vectoriser
from lightxml_core.files import save_csr, write_json
from lightxml_core.methods.xtransformer.matcher import document_weights

TRN = ["Vitamin A and vitamin C", "a cat", "the cat and the dog"]
TST = ["Cat cat unknown", "nothing here"]


def unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0))


@given(seed=st.integers(0, 10_000), documents=st.integers(1, 12), labels=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_label_features_agree_with_dense_arithmetic(seed: int, documents: int, labels: int) -> None:
    random = np.random.default_rng(seed)
    X = random.random((documents, 5)) * (random.random((documents, 5)) < 0.4)
    Y = (random.random((documents, labels)) < 0.3).astype(float)
    Z = label_features(sparse.csr_matrix(X, dtype=np.float32), sparse.csr_matrix(Y, dtype=np.float32))
    assert Z.dtype == np.float32 and Z.shape == (labels, 5)
    np.testing.assert_allclose(Z.toarray(), unit(Y.T @ unit(X)), atol=1e-6)
    matrices = sparse.csr_matrix(X, dtype=np.float32), sparse.csr_matrix(Y, dtype=np.float32)
    by_labels = label_features(*matrices, scale=document_weights(matrices[1]))
    np.testing.assert_allclose(by_labels.toarray(), unit(unit(Y).T @ X), atol=1e-6)


@given(seed=st.integers(0, 10_000), stored=st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_label_features_do_not_depend_on_blocks_and_files(seed: int, stored: int) -> None:
    random = np.random.default_rng(seed)
    X = sparse.random(9, 30, 0.4, "csr", np.float64, random)
    Y = sparse.random(9, 4, 0.4, "csr", np.float32, random)
    expected = normalise_rows(X), label_features(X.astype(np.float32), Y)
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "_BLOCK", stored)
        found = normalise_rows(X, Path(name)), label_features(X.astype(np.float32), Y, Path(name))
    lengths = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    assert expected[0].data.tolist() == (X.data / np.repeat(lengths, np.diff(X.indptr))).astype(np.float32).tolist()
    for one, other in zip(found, expected, strict=True):
        assert [x.tobytes() for x in (one.data, one.indices, one.indptr)] == [
            x.tobytes() for x in (other.data, other.indices, other.indptr)
        ]


def test_counts_and_tfidf_by_hand() -> None:
    X_trn, X_tst, vectoriser = build_bow(TRN, TST, FeatureSettings())
    vocabulary = vectoriser.vocabulary
    assert sorted(vocabulary) == ["a", "and", "c", "cat", "dog", "the", "vitamin"]  # words may have one letter
    assert list(vocabulary.values()) == list(range(7)) and json.loads(json.dumps(vocabulary)) == vocabulary
    assert X_trn.toarray()[0].tolist() == [1, 1, 1, 0, 0, 0, 2]
    assert X_tst.toarray().tolist() == [[0, 0, 0, 2, 0, 0, 0], [0] * 7]
    X_trn, X_tst, _ = build_tfidf(TRN, TST, FeatureSettings())
    assert X_trn.dtype == X_tst.dtype == np.float32
    common, rare = math.log(4 / 3) + 1, math.log(4 / 2) + 1
    row = np.array([[common, common, rare, 0, 0, 0, rare * (1 + math.log(2))]])
    np.testing.assert_allclose(X_trn.toarray()[:1], unit(row), rtol=1e-6)
    assert X_tst.toarray().tolist() == [[0, 0, 0, 1, 0, 0, 0], [0] * 7]


def test_settings_change_the_vocabulary() -> None:
    assert sorted(build_bow(TRN, TST, FeatureSettings(min_df=2)).vectoriser.vocabulary) == ["a", "and", "cat"]
    assert len(build_bow(TRN, TST, FeatureSettings(max_features=4)).vectoriser.vocabulary) == 4
    assert "the dog" in build_bow(TRN, TST, FeatureSettings(ngrams=2)).vectoriser.vocabulary


def test_texts_are_streamed_once() -> None:
    streamed = build_tfidf(iter(TRN), iter(TST), FeatureSettings())
    listed = build_tfidf(TRN, TST, FeatureSettings())
    assert (streamed[0] != listed[0]).nnz == 0 and (streamed[1] != listed[1]).nnz == 0


def by_scikit_learn(trn: list[str], tst: list[str], tfidf: bool, chosen: FeatureSettings) -> tuple[Any, Any, Any]:
    """The same features from scikit-learn's vectorisers, which hold everything in memory."""
    common: dict[str, Any] = {
        "analyzer": chosen.analyzer,
        "token_pattern": r"(?u)\b\w+\b" if chosen.analyzer == "word" else None,
        "min_df": chosen.min_df,
        "max_features": chosen.max_features,
        "ngram_range": (1, chosen.ngrams),
        "dtype": np.float32,
    }
    vectoriser = TfidfVectorizer(sublinear_tf=chosen.sublinear, **common) if tfidf else CountVectorizer(**common)
    X_trn = vectoriser.fit_transform(trn)
    return X_trn, vectoriser.transform(tst), {term: int(at) for term, at in sorted(vectoriser.vocabulary_.items())}


def bytes_of(folder: Path, X_trn: Any, X_tst: Any, vocabulary: Any) -> list[bytes]:
    save_csr(folder / "trn.npz", X_trn)
    save_csr(folder / "tst.npz", X_tst)
    write_json(folder / "vocabulary.json", vocabulary)
    return [(folder / name).read_bytes() for name in ("trn.npz", "tst.npz", "vocabulary.json")]


WORDS = st.sampled_from(
    [
        "the",
        "a",
        "of",
        "Straße",
        "STRASSE",
        "ΑΣ",
        "ας",
        "café",
        "naïve",
        "退款",
        "x1",
        "don't",
        "re-use",
        "İstanbul",
        "\u2028",
        "...",
        "zz",
    ]
)
TEXTS = st.lists(st.lists(WORDS, max_size=12).map(" ".join), min_size=1, max_size=12)


@given(
    trn=TEXTS,
    tst=TEXTS,
    tfidf=st.booleans(),
    min_df=st.integers(1, 3),
    max_features=st.sampled_from([None, 1, 4, 9]),
    sublinear=st.booleans(),
    ngrams=st.integers(1, 3),
    analyzer=st.sampled_from(["word", "char_wb"]),
    stored=st.integers(1, 30),
    on_disk=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_saved_features_equal_scikit_learns_bytes(
    trn: list[str], tst: list[str], tfidf: bool, stored: int, on_disk: bool, **options: Any
) -> None:
    chosen = FeatureSettings(**options)
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "_BLOCK", stored)  # blocks end within the corpus
        patch.setattr(arrays, "_GATHERED", stored)
        folder = Path(name)
        build = build_tfidf if tfidf else build_bow
        try:
            expected = bytes_of(folder, *by_scikit_learn(trn, tst, tfidf, chosen))
        except ValueError:
            with pytest.raises(InputError, match="no features"):
                build(trn, tst, chosen)
            return
        found = build(iter(trn), iter(tst), chosen, folder if on_disk else None)
        assert bytes_of(folder, found.X_trn, found.X_tst, found.vectoriser.vocabulary) == expected
        assert len(list(folder.iterdir())) == 3  # the temporary files have no names
        found.vectoriser.write(folder)
        read = read_vectoriser(folder)
        assert bytes_of(folder, found.X_trn, read.transform(tst), read.vocabulary) == expected


def test_saved_features_of_a_larger_corpus_equal_scikit_learns_bytes(tmp_path: Path) -> None:
    trn, tst = (generate(400, Shape(50, 3000, 3.0, 120), seed).texts() for seed in (1, 2))
    for chosen in (FeatureSettings(), FeatureSettings(min_df=2, max_features=700, ngrams=2, sublinear=False)):
        X_trn, X_tst, vectoriser = build_tfidf(trn, tst, chosen, tmp_path)
        expected = bytes_of(tmp_path, *by_scikit_learn(trn, tst, True, chosen))
        assert bytes_of(tmp_path, X_trn, X_tst, vectoriser.vocabulary) == expected


@pytest.mark.parametrize("texts", [["", " ...", ""], TRN])
def test_texts_without_any_term_are_refused(texts: list[str]) -> None:
    with pytest.raises(InputError, match="no features"):
        build_tfidf(texts, TST, FeatureSettings(min_df=3))


UNSPACED = {
    "Chinese": ["我要退款", "密码忘记了", "包裹迟到"],
    "Chinese and Latin in one run": ["我用iPhone13打不开APP了"],
    "Chinese among English": ["The order is late, so please send me the money back", "我的订单迟到了请帮助我"],
    "Japanese": ["パスワードを忘れました。", "荷物が遅れています"],
    "Thai": ["ขอคืนเงิน", "ลืมรหัสผ่าน", "พัสดุมาช้า"],
    "Lao": ["ຂ້ອຍຢາກໄດ້ເງິນຄືນ"],
    "Burmese": ["ကျွန်တော်ငွေပြန်လိုချင်ပါတယ်"],
    "Khmer": ["ខ្ញុំចង់បានប្រាក់វិញ"],
}
SPACED = {
    "Chinese": ["我 要 退款", "密码 忘记 了"],
    "Japanese": ["パスワード を 忘れ まし た", "荷物 が 遅れ て い ます"],
    "Thai": ["ผม อยาก ได้ เงิน คืน ครับ", "ลืม รหัสผ่าน"],
    "Korean": ["한국어 문장은 띄어쓰기를 합니다"],
    "Hindi": ["हिन्दी में शब्दों के बीच रिक्त स्थान होता है"],
    "German": ["Donaudampfschifffahrtsgesellschaftskapitän", "Rindfleischetikettierungsüberwachungsgesetz"],
    "addresses": ["https://example.org/ein-sehr-langer-pfad-ohne-leerzeichen?größe=1"],
    "chemicals": ["2,3,7,8-tetrachlorodibenzo-p-dioxin", "β-naphthylamine"],
    "one quoted word": ["The long name of the company is written as 株式会社東京 in Japan, " + "and so on " * 20],
    "nothing": ["", "..."],
}


@pytest.mark.parametrize("texts", UNSPACED.values(), ids=UNSPACED)
def test_texts_without_blanks_between_words_give_a_warning(texts: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """There is no warning if terms are made of characters."""
    for build in (build_tfidf, build_bow):
        build(iter(texts), texts, FeatureSettings())
        assert "no blanks between words" in caplog.text and "`features: {analyzer: char_wb, ngrams: 2}`" in caplog.text
        caplog.clear()
        build(iter(texts), texts, FeatureSettings(analyzer="char_wb", ngrams=2))
        assert not caplog.text


@pytest.mark.parametrize("texts", SPACED.values(), ids=SPACED)
def test_texts_with_blanks_give_no_warning(texts: list[str]) -> None:
    watched = CountedTexts(texts)
    assert list(watched) == texts and not watched.unspaced


def test_terms_of_characters_find_words_within_phrases() -> None:
    phrases = ["我要退款", "请退款", "密码忘记"]
    assert build_tfidf(phrases, ["退款"], FeatureSettings())[1].nnz == 0
    settings = FeatureSettings(analyzer="char_wb", ngrams=2)
    X_trn, X_tst, vectoriser = build_tfidf(phrases, ["退款"], settings)
    vocabulary = vectoriser.vocabulary
    assert {"退", "款", "退款", "密码"} <= vocabulary.keys() and max(map(len, vocabulary)) == 2
    assert (np.argsort((X_trn @ X_tst.T).toarray().ravel())[::-1] < 2).tolist()[:2] == [True, True]
