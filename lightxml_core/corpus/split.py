"""The training documents that are held out for model selection."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.errors import InputError

MOST, SHARE = 200, 10  # by default one in SHARE of the documents with labels is held out, at most MOST of them


def require_validation(count: int, why: str) -> None:
    """InputError if a corpus holds out no documents. count: those held out. why: who needs some, for the message."""
    if count == 0:
        raise InputError(
            f"{why}, and this corpus holds out none: it needs {SHARE} documents with labels, or set `validation` in "
            "the dataset's file"
        )


def validation_rows(Y_trn: csr_matrix, count: int | None, seed: int, where: str) -> np.ndarray:
    """`count` sorted int64 row numbers, drawn uniformly from the training documents that have labels.

    count: None for a tenth of these documents, but at most 200 (none of fewer than ten documents).
    where: the file and the key that give the count. InputError unless at least one document with labels is left to
    train on.
    """
    labelled = np.flatnonzero(np.diff(Y_trn.indptr))
    if count is None:
        count = min(MOST, len(labelled) // SHARE)
    elif not 0 <= count < len(labelled):
        raise InputError(
            f"{where}: {count} documents cannot be held out, because {len(labelled)} training documents have labels "
            f"and one must remain to train on: lower the number, or leave it out for a tenth of them, at most {MOST}"
        )
    rows = np.random.default_rng(seed).choice(labelled, size=count, replace=False)
    return np.sort(rows).astype(np.int64)
