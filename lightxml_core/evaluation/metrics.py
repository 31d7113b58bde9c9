"""Ranking metrics of extreme multi-label classification, in percent, without a loop over documents.

A stored score is a prediction, whatever its value; an absent one is none. Scores are compared as float32,
the type that prediction files hold, and equal scores are ranked by label id, lower first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError

_METRICS = ("P", "nDCG", "PSP", "PSnDCG", "R")
_KEYS_AT_ONCE = 1 << 18  # sort keys held at a time: 2 MiB, which stay in the processor's cache
_DOCUMENTS_AT_ONCE = 1 << 14
_NO_KEY = np.iinfo(np.int64).max


def inverse_propensities(Y_trn: sparse.csr_matrix, a: float, b: float) -> np.ndarray:
    """float64[L]: 1 + C·(N_l + b)^(-a) with C = (ln N - 1)·(b + 1)^a (Jain et al., KDD 2016, section 4).

    N_l: training documents with label l, of N = rows of `Y_trn`. InputError where there are no documents.
    """
    documents, labels = Y_trn.shape
    if documents == 0:
        raise InputError("propensities need at least one training document, and the label matrix has no rows")
    frequency = np.bincount(_relevant(Y_trn).indices, minlength=labels)
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
    Y = _relevant(Y)
    documents, labels = Y.shape
    rows = np.arange(documents, dtype=np.int64)
    true = np.repeat(rows, np.diff(Y.indptr)) * labels + Y.indices
    wanted = rows[:, None] * labels + ranks
    place = np.minimum(np.searchsorted(true, wanted), max(true.size - 1, 0))
    found = true[place] == wanted if true.size else np.zeros(ranks.shape, dtype=bool)
    return np.asarray(found & (ranks >= 0))


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
    Y = _checked(predictions, Y, inverse_propensity, ks)
    ranks = rank_matrix(predictions, max(ks))
    weight = np.append(inverse_propensity, 0.0)  # rank -1, no prediction, weighs nothing
    sums = np.zeros((7, len(ks)))
    for start in range(0, Y.shape[0], _DOCUMENTS_AT_ONCE):
        some = slice(start, start + _DOCUMENTS_AT_ONCE)
        sums += _sums(ranks[some], Y[some], weight, np.asarray(ks))
    precision, ndcg, psp, psp_best, psndcg, psndcg_best, recall = sums
    labelled = np.count_nonzero(np.diff(Y.indptr))
    everyone = Y.shape[0]
    table = [precision / everyone, ndcg / everyone, psp / psp_best, psndcg / psndcg_best, recall / labelled]
    return {
        f"{name}@{k}": 100.0 * float(value)
        for name, row in zip(_METRICS, table, strict=True)
        for k, value in zip(ks, row, strict=True)
    }


def _sums(ranks: np.ndarray, Y: sparse.csr_matrix, weight: np.ndarray, ks: np.ndarray) -> np.ndarray:
    """float64[7, len(ks)], sums over documents: P, nDCG, PSP and its best, PSnDCG and its best, R."""
    depth = ranks.shape[1]
    labels_of = np.diff(Y.indptr)[:, None]
    hit = hits(ranks, Y).astype(np.float64)
    gain = hit * weight[ranks]
    attainable = sparse.csr_matrix((weight[Y.indices], Y.indices, Y.indptr), shape=Y.shape)
    best = weight[rank_matrix(attainable, depth)]
    discount = 1.0 / np.log2(np.arange(depth) + 2.0)
    ideal = np.cumsum(discount)[np.clip(labels_of, 1, ks) - 1]

    def at_ks(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.cumsum(values, axis=1)[:, ks - 1])

    found = at_ks(hit)
    per_document = [found / ks, at_ks(hit * discount) / ideal, at_ks(gain), at_ks(best)]
    per_document += [at_ks(gain * discount) / ideal, at_ks(best * discount) / ideal, found / np.maximum(labels_of, 1)]
    return np.stack([values.sum(axis=0) for values in per_document])


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
    scores = _canonical(scores)
    best = np.full((scores.shape[0], k), _NO_KEY)
    for start, stop in _row_blocks(scores.indptr):
        block = _padded_keys(scores, start, stop)
        if block.shape[1] > k:
            block = np.partition(block, k - 1, axis=1)[:, :k]
        best[start:stop, : block.shape[1]] = np.sort(block, axis=1)
    return best


def _row_blocks(indptr: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of rows which, padded to the longest row of all, stay within `_KEYS_AT_ONCE`."""
    rows = len(indptr) - 1
    widest = int(np.diff(indptr).max(initial=1))
    step = max(1, _KEYS_AT_ONCE // max(widest, 1))
    for start in range(0, rows, step):
        yield start, min(start + step, rows)


def _padded_keys(scores: sparse.csr_matrix, start: int, stop: int) -> np.ndarray:
    """int64[rows, longest row]: a key for each stored score that sorts by falling score, then by label id.

    The upper half is the score's bits, made to fall as the score rises; the lower half is the label.
    """
    stored = slice(scores.indptr[start], scores.indptr[stop])
    with np.errstate(over="ignore"):
        values = scores.data[stored].astype(np.float32) + np.float32(0.0)  # -0.0 becomes 0.0
    if not np.isfinite(values).all():
        raise InputError("a score is not a finite number (NaN or infinite): the model that predicted it has diverged")
    falling = ~_monotone(values.view(np.int32))
    lengths = np.diff(scores.indptr[start : stop + 1])
    block = np.full((stop - start, int(lengths.max(initial=0))), _NO_KEY)
    block[np.arange(block.shape[1]) < lengths[:, None]] = (falling.astype(np.int64) << 32) | scores.indices[stored]
    return block


def _score_of(keys: np.ndarray) -> np.ndarray:
    """float32 scores back from their sort keys."""
    return _monotone(~(keys >> 32).astype(np.int32)).view(np.float32)


def _monotone(bits: np.ndarray) -> np.ndarray:
    """Bits of float32 as int32 in the order of the numbers; its own inverse."""
    return np.asarray(bits ^ ((bits >> 31) & 0x7FFFFFFF))
