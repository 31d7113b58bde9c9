from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.features.labels import label_features
from lightxml_core.features.text import FeatureSettings, build_bow, build_tfidf

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


def test_counts_and_tfidf_by_hand() -> None:
    X_trn, X_tst, vocabulary = build_bow(TRN, TST, FeatureSettings())
    assert sorted(vocabulary) == ["a", "and", "c", "cat", "dog", "the", "vitamin"]  # one letter is a word
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
    assert sorted(build_bow(TRN, TST, FeatureSettings(min_df=2))[2]) == ["a", "and", "cat"]
    assert len(build_bow(TRN, TST, FeatureSettings(max_features=4))[2]) == 4
    assert "the dog" in build_bow(TRN, TST, FeatureSettings(ngrams=2))[2]


def test_texts_are_read_once_as_a_stream() -> None:
    streamed = build_tfidf(iter(TRN), iter(TST), FeatureSettings())
    listed = build_tfidf(TRN, TST, FeatureSettings())
    assert (streamed[0] != listed[0]).nnz == 0 and (streamed[1] != listed[1]).nnz == 0


@pytest.mark.parametrize("texts", [["", " ...", ""], TRN])
def test_no_term_left_is_refused(texts: list[str]) -> None:
    with pytest.raises(InputError, match="no features"):
        build_tfidf(texts, TST, FeatureSettings(min_df=3))
