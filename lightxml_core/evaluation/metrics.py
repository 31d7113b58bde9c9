"""The ranking of the labels of every document, and the metrics that papers of the field report.

A stored score is a prediction, whatever its value. A label without a stored score is not predicted. Scores are compared
as float32, the type of prediction files. Equal scores are ranked by label id, lower first.

The metrics return a share between 0 and 1. None of them loops over documents in Python or needs a dense N × L matrix.
`catalogue.py` lists them all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.errors import InputError

_NO_KEY = np.iinfo(np.int64).max


def inverse_propensities(Y_trn: sparse.csr_matrix, a: float, b: float) -> np.ndarray:
    """float64[L]: 1 + C·(N_l + b)^(-a) with C = (ln N - 1)·(b + 1)^a (Jain et al., KDD 2016, section 4).

    N_l is the number of training documents with label l; N is the number of rows of `Y_trn`. InputError if `Y_trn` has
    no rows.
    """
    documents = Y_trn.shape[0]
    if documents == 0:
        raise InputError("propensities need at least one training document, and the label matrix has no rows")
    frequency = label_frequencies(_relevant(Y_trn))
    scale = (np.log(documents) - 1.0) * (b + 1.0) ** a
    return np.asarray(1.0 + scale * (frequency + b) ** -a, dtype=np.float64)


def rank_matrix(predictions: sparse.csr_matrix, k: int) -> np.ndarray:
    """int64[N, k]: the ids of the k best labels of each document, best first, padded with -1."""
    keys = _best_keys(predictions, k)
    return np.where(keys == _NO_KEY, -1, keys & 0xFFFFFFFF)


def top_k(scores: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """float32 CSR of the same shape with the k best scores of each row. InputError for a score that is not finite."""
    keys = _best_keys(scores, k)
    kept = keys != _NO_KEY
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    keys = keys[kept]
    best = sparse.csr_matrix((_score_of(keys), keys & 0xFFFFFFFF, indptr), shape=scores.shape)
    best.sort_indices()
    return best


def hits(ranks: np.ndarray, Y: sparse.csr_matrix) -> np.ndarray:
    """bool[N, k]: whether each ranked label is a true label of its document. ranks: int64[N, k], -1 for none."""
    from lightxml_core.evaluation.kernels import hits_of

    Y = _relevant(Y)
    return np.asarray(hits_of(ranks, Y.indptr, Y.indices))


@dataclass(frozen=True)
class Counts:
    """Numbers of test documents, int64[F], of each of the F labels that have a hit; the others have none.

    hit: the label is true and ranked. predicted: it is ranked. true: it is a label of the document.
    """

    hit: np.ndarray
    predicted: np.ndarray
    true: np.ndarray


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best labels of N documents, and which of them are true. Make one with `rank`.

    predictions: CSR N × L of scores. Y: CSR N × L of true labels. Both are canonical, and Y has no stored zeros.
    inverse_propensity: float64[L]. labels: int64[N, depth] label ids, best first, padded with -1. hit: bool[N, depth].
    """

    predictions: sparse.csr_matrix
    Y: sparse.csr_matrix
    inverse_propensity: np.ndarray
    labels: np.ndarray
    hit: np.ndarray
    _counts: dict[int, Counts] = field(default_factory=dict)

    @cached_property
    def true(self) -> np.ndarray:
        """int64[N]: the number of true labels of each document."""
        return np.diff(self.Y.indptr).astype(np.int64)

    @cached_property
    def gain(self) -> np.ndarray:
        """float64[N, depth]: the inverse propensity of each ranked label that is true, 0 for the others."""
        return np.where(self.hit, self.inverse_propensity[self.labels], 0.0)

    @cached_property
    def best_gain(self) -> np.ndarray:
        """float64[N, depth]: the gains of the best possible ranking."""
        from lightxml_core.evaluation.kernels import highest_weights

        depth = self.labels.shape[1]
        return np.asarray(highest_weights(self.inverse_propensity, self.Y.indptr, self.Y.indices, depth))

    @cached_property
    def true_labels(self) -> int:
        """The number of labels that are true of at least one document."""
        return int(np.count_nonzero(self._documents))

    def by_label(self, k: int) -> Counts:
        """The counts per label, with the first k labels of each document as the predicted ones; computed once per k."""
        from lightxml_core.evaluation.kernels import counts_of

        if k not in self._counts:
            found, hit, predicted = counts_of(self.labels, self.hit, k, self.Y.shape[1])
            self._counts[k] = Counts(hit, predicted, self._documents[found])
        return self._counts[k]

    @cached_property
    def _documents(self) -> np.ndarray:
        return np.bincount(self.Y.indices, minlength=self.Y.shape[1])

    def first(self, depth: int) -> Ranking:
        """The ranking of only the `depth` best labels."""
        labels, hit = (np.ascontiguousarray(ranked[:, :depth]) for ranked in (self.labels, self.hit))
        return Ranking(self.predictions, self.Y, self.inverse_propensity, labels, hit)

    def ideal_dcg(self, k: int) -> np.ndarray:
        """float64[N]: the DCG of a perfect ranking at k; that of one label for a document without labels."""
        return np.cumsum(_discount(k))[np.clip(self.true, 1, k) - 1]


def rank(
    predictions: sparse.csr_matrix, Y: sparse.csr_matrix, depth: int, inverse_propensity: np.ndarray | None = None
) -> Ranking:
    """Rank the `depth` best labels of each document.

    predictions: CSR N × L of scores; a row may have fewer than `depth`. Y: CSR N × L of true labels.
    inverse_propensity: float64[L]; without it every label has weight 1.

    InputError for shapes that differ, scores that are not finite, or a test set without a label.
    """
    weight = np.ones(Y.shape[1]) if inverse_propensity is None else inverse_propensity
    predictions, Y = _canonical(predictions), _checked(predictions, Y, weight, depth)
    labels = rank_matrix(predictions, depth)
    return Ranking(predictions, Y, weight, labels, hits(labels, Y))


def precision(ranking: Ranking, k: int) -> float:
    """P@k: the mean over all documents of (true labels among the first k) / k.

    The division is by k even where fewer labels are predicted. Source: Extreme Classification Repository, as in
    LightXML, section 4.2.
    """
    return float(hits_per_document(ranking, k).mean()) / k


def ndcg(ranking: Ranking, k: int) -> float:
    """nDCG@k: the mean over all documents of DCG@k / ideal DCG@k, with DCG@k = sum of 1 / log2(rank + 1) over hits.

    A document without labels counts 0. Source: Järvelin and Kekäläinen, TOIS 2002, with binary relevance.
    """
    return float(ndcg_per_document(ranking, k).mean())


def psp(ranking: Ranking, k: int) -> float:
    """PSP@k: the summed inverse propensities of the hits, divided by the largest sum that any ranking can reach.

    Both sums are over the whole test set. Source: Jain et al., KDD 2016, section 4; normalised as the Extreme
    Classification Repository does.
    """
    return float(ranking.gain[:, :k].sum() / ranking.best_gain[:, :k].sum())


def psndcg(ranking: Ranking, k: int) -> float:
    """PSnDCG@k: as PSP@k, with each gain divided by log2(rank + 1) and each document by its ideal unweighted DCG@k.

    Source: Jain et al., KDD 2016; normalised as the Extreme Classification Repository does. AttentionXML's code leaves
    out the division by the ideal DCG; at k = 1 both agree.
    """
    reached, best = discounted_gains(ranking, k)
    return float(reached.sum() / best.sum())


def recall(ranking: Ranking, k: int) -> float:
    """R@k: the mean of (true labels among the first k) / (true labels), over the documents that have a label."""
    labelled = ranking.true > 0
    return float((hits_per_document(ranking, k)[labelled] / ranking.true[labelled]).mean())


def hits_per_document(ranking: Ranking, k: int) -> np.ndarray:
    """int64[N]: the number of true labels among the first k."""
    return np.count_nonzero(ranking.hit[:, :k], axis=1)


def ndcg_per_document(ranking: Ranking, k: int) -> np.ndarray:
    """float64[N]: DCG@k / ideal DCG@k."""
    return np.asarray(ranking.hit[:, :k] @ _discount(k) / ranking.ideal_dcg(k))


def discounted_gains(ranking: Ranking, k: int) -> tuple[np.ndarray, np.ndarray]:
    """float64[N] twice: the discounted gain of the first k labels, and the largest one, each by the ideal DCG@k."""
    ideal = ranking.ideal_dcg(k)
    return ranking.gain[:, :k] @ _discount(k) / ideal, ranking.best_gain[:, :k] @ _discount(k) / ideal


def _discount(k: int) -> np.ndarray:
    """float64[k]: 1 / log2(rank + 1)."""
    return 1.0 / np.log2(np.arange(k) + 2.0)


def _checked(
    predictions: sparse.csr_matrix, Y: sparse.csr_matrix, inverse_propensity: np.ndarray, depth: int
) -> sparse.csr_matrix:
    """Refuse what cannot be evaluated. Return Y in canonical form."""
    if predictions.shape != Y.shape:
        raise InputError(
            f"the predictions are {predictions.shape[0]} x {predictions.shape[1]} but the label matrix is "
            f"{Y.shape[0]} x {Y.shape[1]} (documents x labels): predict again for this corpus"
        )
    if inverse_propensity.shape != (Y.shape[1],) or not np.isfinite(inverse_propensity).all():
        raise InputError(f"inverse propensities must be one finite number for each of the {Y.shape[1]} labels")
    if depth < 1:
        raise InputError(f"the number of labels to rank must be 1 or more, not {depth}")
    Y = _relevant(Y)
    if Y.nnz == 0:
        raise InputError("no document of the test set has a label, so there is nothing to evaluate")
    return Y


def _canonical(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix with sorted, unique column ids in every row. The argument is not changed."""
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
    """int64[N, k]: the sort keys of the k best scores of each row, in order, padded with `_NO_KEY`."""
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
    """The float32 scores of sort keys."""
    return _monotone(~(keys >> 32).astype(np.int32)).view(np.float32)


def _monotone(bits: np.ndarray) -> np.ndarray:
    """Map the bits of float32 (int32) to integers in the order of the numbers. The map is its own inverse."""
    return np.asarray(bits ^ ((bits >> 31) & 0x7FFFFFFF))
