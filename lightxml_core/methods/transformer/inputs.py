"""From memory-mapped tokens and label rows to tensors on the model's device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from lightxml_core.encoders.tokens import TokenisedPart
from lightxml_core.errors import InputError
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.training.devices import Precision, autocast_dtype

PREDICTION_BATCH = 64
SCORED_TOGETHER = 512  # documents scored per reading of the label table's blocks, on a CPU


def padded(tokens: TokenisedPart, rows: np.ndarray, model: TextClassifier) -> tuple[Tensor, Tensor]:
    """int64[B, T] ids and bool[B, T] mask of some documents."""
    ids, mask = tokens.pad(rows, model.backbone.pad_id)
    return _moved(ids, model), _moved(mask, model)


def positives(Y: sparse.csr_matrix, rows: np.ndarray, model: TextClassifier) -> tuple[Tensor, Tensor]:
    """The labels of some documents as (row in the batch, label) pairs, two int64[P]."""
    part = Y[rows]
    batch_rows = np.repeat(np.arange(len(rows)), np.diff(part.indptr))
    return _moved(batch_rows, model), _moved(part.indices.astype(np.int64), model)


def by_length(lengths: np.ndarray, batch: int) -> list[np.ndarray]:
    """Positions in batches of similar length, shortest first: for passes where the order does not matter."""
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + batch] for start in range(0, len(order), batch)]


def autocast(model: TextClassifier, precision: Precision) -> torch.autocast:
    """Mixed precision as the setting and the device have it."""
    device = model.mean.device
    dtype = autocast_dtype(precision, device)
    return torch.autocast(device.type, dtype, enabled=dtype is not None)


def in_memory(batches: Sequence[np.ndarray], run: Callable[[np.ndarray], None]) -> None:
    """Call `run` with each batch, split into halves if the device's memory is full.

    InputError if a single document does not fit.
    """
    left = [*batches][::-1]
    while left:
        batch, fits = left.pop(), False
        with suppress(torch.OutOfMemoryError):  # its traceback holds tensors: they must go before the next try
            run(batch)
            fits = True
        if fits:
            continue
        if len(batch) < 2:
            raise InputError("the device's memory is too small for one document: lower `max_tokens` or `clusters_kept`")
        left += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _moved(array: np.ndarray, model: TextClassifier) -> Tensor:
    tensor, device = torch.from_numpy(array), model.mean.device
    if device.type == "cuda":
        tensor = tensor.pin_memory()  # only from pinned memory is a copy asynchronous
    return tensor.to(device, non_blocking=True)
