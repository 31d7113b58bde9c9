"""The documents of the training part that are held out to choose by."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from lightxml_core.errors import InputError


def validation_rows(Y_trn: csr_matrix, count: int, seed: int) -> np.ndarray:
    """`count` sorted int64 row numbers, drawn uniformly from the training documents that have labels.

    InputError unless at least one document with labels is left to train on.
    """
    labelled = np.flatnonzero(np.diff(Y_trn.indptr))
    if not 0 <= count < len(labelled):
        raise InputError(
            f"a validation split of {count} documents was asked for, but {len(labelled)} training documents have "
            "labels, and one must be left to train on: ask for fewer"
        )
    rows = np.random.default_rng(seed).choice(labelled, size=count, replace=False)
    return np.sort(rows).astype(np.int64)
