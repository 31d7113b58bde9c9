"""Ranking metrics of extreme multi-label classification, in percent, without a loop over documents.

A stored score is a prediction, whatever its value; an absent one is none. Scores are compared as float32,
the type that prediction files hold, and equal scores are ranked by label id, lower first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.errors import InputError

_METRICS = ("P", "nDCG", "PSP", "PSnDCG", "R")
_NO_KEY = np.iinfo(np.int64).max


def inverse_propensities(Y_trn: sparse.csr_matrix, a: float, b: float) -> np.ndarray:
    """float64[L]: 1 + C·(N_l + b)^(-a) with C = (ln N - 1)·(b + 1)^a (Jain et al., KDD 2016, section 4).

    N_l: training documents with label l, of N = rows of `Y_trn`. InputError where there are no documents.
    """
    documents = Y_trn.shape[0]
    if documents == 0:
        raise InputError("propensities need at least one training document, and the label matrix has no rows")
    frequency = label_frequencies(_relevant(Y_trn))
    scale = (np.log(documents) - 1.0) * (b + 1.0) ** a
    return np.asarray(1.0 + scale * (frequency + b) ** -a, dtype=np.float64)


def rank_matrix(predictions: sparse.csr_matrix, k: int) -> np.ndarray:
    """int64[N, k]: the label ids of each document by rank, best first, filled up with -1."""
    keys = _best_keys(predictions, k)
    return np.where(keys == _NO_KEY, -1, keys & 0xFFFFFFFF)


def top_k(scores: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """float32 CSR of the same shape with the k best scores of each row; InputError for a score that is not finite."""
    keys = _best_keys(scores, k)
    kept = keys != _NO_KEY
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    keys = keys[kept]
    best = sparse.csr_matrix((_score_of(keys), keys & 0xFFFFFFFF, indptr), shape=scores.shape)
    best.sort_indices()
    return best


def hits(ranks: np.ndarray, Y: sparse.csr_matrix) -> np.ndarray:
    """bool[N, k]: whether each ranked label (int64[N, k], -1 for none) is a label of its document."""
    from lightxml_core.evaluation.kernels import hits_of

    Y = _relevant(Y)
    return np.asarray(hits_of(ranks, Y.indptr, Y.indices))


def evaluate(
    predictions: sparse.csr_matrix, Y: sparse.csr_matrix, inverse_propensity: np.ndarray, ks: Sequence[int] = (1, 3, 5)
) -> dict[str, float]:
    """P@k, nDCG@k, PSP@k, PSnDCG@k and R@k in percent, keyed `P@1` and so on, for every k of `ks`.

    predictions: CSR N x L of scores; a row with fewer than k scores misses the rest. Y: CSR N x L of true labels.
    inverse_propensity: float64[L].

    P and nDCG are means over all documents; one without labels counts 0. R is the mean over documents that have a
    label. PSP and PSnDCG are divided by the best that any ranking could reach, as a ratio of sums over the test set,
    where the DCG of a document is first divided by the ideal unweighted one, as the Extreme Classification
    Repository's own evaluation does it (AttentionXML's leaves that division out of PSnDCG; k = 1 is the same).

    InputError for shapes that differ, scores that are not finite, or a test set without a label.
    """
    from lightxml_core.evaluation.kernels import sums_of

    Y = _checked(predictions, Y, inverse_propensity, ks)
    ranks, rising = rank_matrix(predictions, max(ks)), sorted(set(ks))
    sums = sums_of(ranks, hits(ranks, Y), Y.indptr, Y.indices, inverse_propensity, np.asarray(rising))
    precision, ndcg, psp, psp_best, psndcg, psndcg_best, recall = sums
    labelled = np.count_nonzero(np.diff(Y.indptr))
    everyone = Y.shape[0]
    table = [precision / everyone, ndcg / everyone, psp / psp_best, psndcg / psndcg_best, recall / labelled]
    return {
        f"{name}@{k}": 100.0 * float(value)
        for name, row in zip(_METRICS, table, strict=True)
        for k, value in zip(rising, row, strict=True)
    }


def _checked(
    predictions: sparse.csr_matrix, Y: sparse.csr_matrix, inverse_propensity: np.ndarray, ks: Sequence[int]
) -> sparse.csr_matrix:
    """Refuse what cannot be evaluated; give Y in canonical form."""
    if predictions.shape != Y.shape:
        raise InputError(
            f"the predictions are {predictions.shape[0]} x {predictions.shape[1]} but the label matrix is "
            f"{Y.shape[0]} x {Y.shape[1]} (documents x labels): predict again for this corpus"
        )
    if inverse_propensity.shape != (Y.shape[1],) or not np.isfinite(inverse_propensity).all():
        raise InputError(f"inverse propensities must be one finite number for each of the {Y.shape[1]} labels")
    if len(ks) == 0 or min(ks) < 1:
        raise InputError(f"the ranks to evaluate at must be 1 or more, not {list(ks)}")
    Y = _relevant(Y)
    if Y.nnz == 0:
        raise InputError("no document of the test set has a label, so there is nothing to evaluate")
    return Y


def _canonical(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix with sorted, unique column ids in every row; the argument stays as it is."""
    if matrix.has_canonical_format:
        return matrix
    matrix = matrix.copy()
    matrix.sum_duplicates()
    return matrix


def _relevant(Y: sparse.csr_matrix) -> sparse.csr_matrix:
    """The label matrix in canonical form without stored zeros."""
    Y = _canonical(Y)
    if np.all(Y.data):
        return Y
    Y = Y.copy()
    Y.eliminate_zeros()
    return Y


def _best_keys(scores: sparse.csr_matrix, k: int) -> np.ndarray:
    """int64[N, k]: the sort keys of each row's k best scores in order, filled up with `_NO_KEY`."""
    from lightxml_core.evaluation.kernels import best_keys

    scores = _canonical(scores)
    if scores.shape[0] == 0 or k == 0:
        return np.full((scores.shape[0], k), _NO_KEY)
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(scores.data, dtype=np.float32)
    best = np.asarray(best_keys(scores.indptr, scores.indices, values.view(np.int32), k, _NO_KEY))
    if best[0, 0] == _NO_KEY - 1:
        raise InputError("a score is not a finite number (NaN or infinite): the model that predicted it has diverged")
    return best


def _score_of(keys: np.ndarray) -> np.ndarray:
    """float32 scores back from their sort keys."""
    return _monotone(~(keys >> 32).astype(np.int32)).view(np.float32)


def _monotone(bits: np.ndarray) -> np.ndarray:
    """Bits of float32 as int32 in the order of the numbers; its own inverse."""
    return np.asarray(bits ^ ((bits >> 31) & 0x7FFFFFFF))
