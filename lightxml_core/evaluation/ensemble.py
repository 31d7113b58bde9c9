"""Combine the predictions of several members into one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Literal, get_args

import numpy as np
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.evaluation.metrics import rank_matrix, top_k

How = Literal["mean", "sum", "rank", "round-robin"]
_DOCUMENTS_AT_ONCE = 1 << 14


def ensemble(members: Sequence[sparse.csr_matrix], how: How, top: int = 100) -> sparse.csr_matrix:
    """float32 CSR N × L: the `top` best labels of each document by the combined scores; ties by label id.

    members: CSR N × L each. A label that a member does not predict has score 0 in it.
    mean: the mean score over the members (LightXML's flat head).
    sum: the sum of the scores (LightXML's clustered head). It ranks the labels as the mean does.
    rank: the mean over the members of n + 1 - rank, for the `top` best labels of each. n is the length of the longest
    list, at most `top`. Only ranks matter, not scores (Chang et al. 2020 combine X-Transformer's nine rankers so).
    round-robin: the first labels of the members in their order, then the second ones, and so on. A label keeps its
    earliest place.

    InputError for no members, shapes that differ, a score that is not finite, or, with mean or sum, a score below 0:
    it would rank a predicted label behind those that are not predicted.
    """
    _check(members, how)
    blocks, longest = [], max(int(np.diff(member.indptr).max(initial=1)) for member in members)
    for start in range(0, max(members[0].shape[0], 1), _DOCUMENTS_AT_ONCE):
        some = [member[start : start + _DOCUMENTS_AT_ONCE] for member in members]
        blocks.append(top_k(_together(some, how, min(top, longest)), top))
    return sparse.csr_matrix(sparse.vstack(blocks, format="csr"))


def _together(members: Sequence[sparse.csr_matrix], how: How, listed: int) -> sparse.csr_matrix:
    if how == "round-robin":
        return reduce(_larger, (_turns(member, number, len(members), listed) for number, member in enumerate(members)))
    parts = [_rank_scores(member, listed) if how == "rank" else member.astype(np.float64) for member in members]
    total = sum(parts[1:], start=parts[0])
    return total if how == "sum" else total / len(parts)


def _turns(member: sparse.csr_matrix, number: int, members: int, top: int) -> sparse.csr_matrix:
    """float64 CSR: the number of turns from each label's turn to the last one, if every member has `top` labels."""
    scores = _rank_scores(member, top)
    scores.data = scores.data * members - number
    return scores


def _larger(a: sparse.csr_matrix, b: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.csr_matrix(a.maximum(b))


def _rank_scores(member: sparse.csr_matrix, top: int) -> sparse.csr_matrix:
    """float64 CSR: `top` for the best label of each row, `top` - 1 for the second, and so on."""
    ranks = rank_matrix(member, top)
    rows, places = np.nonzero(ranks >= 0)
    return sparse.csr_matrix(((top - places).astype(np.float64), (rows, ranks[rows, places])), shape=member.shape)


def _check(members: Sequence[sparse.csr_matrix], how: str) -> None:
    if how not in get_args(How):
        raise InputError(f"an ensemble combines by {', '.join(get_args(How))}, not by {how!r}")
    if not members:
        raise InputError("an ensemble needs at least one member")
    for number, member in enumerate(members):
        if member.shape != members[0].shape:
            raise InputError(f"member {number} of the ensemble is {member.shape}, member 0 is {members[0].shape}")
        if how in ("mean", "sum") and member.nnz and member.data.min() < 0:
            raise InputError(f"member {number} of the ensemble has scores below 0: combine the members by rank")
