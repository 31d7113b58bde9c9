"""From memory-mapped tokens and label rows to tensors on the model's device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from lightxml_core.encoders.backbone import Mask
from lightxml_core.encoders.packing import Packer, Packing
from lightxml_core.encoders.tokens import TokenisedPart
from lightxml_core.errors import InputError
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.training.devices import Precision, autocast_dtype

PREDICTION_BATCH = 64
SCORED_TOGETHER = 512  # documents scored per reading of the label table's blocks, on a CPU


@dataclass(frozen=True)
class Batch:
    """Some documents as the loss takes them.

    documents: int64[B], their row ids. ids: int64[B, T]. mask: bool[B, T], which of them are tokens. It is None if all
    are, because without a mask a GPU can use its fastest kernel for attention. For packed documents ids are
    int64[1, T], and the mask is their `Packing`. rows, labels: int64[P], the positive pairs.
    """

    documents: np.ndarray
    ids: Tensor
    mask: Mask
    rows: Tensor
    labels: Tensor

    def moved(self, device: torch.device) -> Batch:
        """The same on a device, without waiting for it."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def ready(self, device: torch.device) -> Batch:
        """The same in memory from which this device can copy while it computes."""
        return self._each(lambda tensor: _ready(tensor, device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        mask = self.mask.each(change) if isinstance(self.mask, Packing) else self.mask
        mask = change(mask) if isinstance(mask, Tensor) else mask
        return Batch(self.documents, change(self.ids), mask, change(self.rows), change(self.labels))


def batch_of(
    tokens: TokenisedPart,
    Y: sparse.csr_matrix,
    documents: np.ndarray,
    model: TextClassifier,
    layout: Packer | Sequence[int] = (),
) -> Batch:
    """The batch of some documents, still on the CPU, in memory from which a GPU can copy while it computes.

    documents: int64[B]. layout: a `Packer`, which packs them, or widths in tokens, ascending. Then the batch is padded
    to the first width that is long enough for it, or to a multiple of 8 if there are no widths.
    """
    mask: Mask
    if isinstance(layout, Packer):
        ids, mask = layout.pack(tokens, documents, model.backbone.pad_id)
    else:
        longest = int(tokens.lengths[documents].max())
        ids, mask = _padded(tokens, documents, model, next((width for width in layout if width >= longest), 8))
    pairs = (torch.from_numpy(side) for side in _positives(Y, documents))
    return Batch(documents, ids, mask, *pairs).ready(model.mean.device)


def padded(tokens: TokenisedPart, rows: np.ndarray, model: TextClassifier) -> tuple[Tensor, Tensor | None]:
    """Ids and mask of some documents on the model's device, as in `Batch`."""
    ids, mask = _padded(tokens, rows, model)
    return on_device(ids, model.mean.device), None if mask is None else on_device(mask, model.mean.device)


def positives(Y: sparse.csr_matrix, rows: np.ndarray, model: TextClassifier) -> tuple[Tensor, Tensor]:
    """The labels of some documents as (row in the batch, label) pairs, two int64[P], on the model's device."""
    batch_rows, labels = (on_device(torch.from_numpy(side), model.mean.device) for side in _positives(Y, rows))
    return batch_rows, labels


def on_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on a device, without waiting for it."""
    return _ready(tensor, device).to(device, non_blocking=True)


def fetched(*tensors: Tensor) -> Callable[[], list[np.ndarray]]:
    """Start to copy tensors to the CPU; what is returned waits for the copies and gives them."""
    copies = [tensor.to("cpu", non_blocking=True) for tensor in tensors]
    done = torch.cuda.Event() if tensors[0].is_cuda else None
    if done is not None:
        done.record()

    def arrays() -> list[np.ndarray]:
        if done is not None:
            done.synchronize()
        return [copy.numpy() for copy in copies]

    return arrays


def _ready(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor in pinned memory if the device is a GPU: only from there is a copy asynchronous.

    torch keeps the pinned memory that it has allocated, and uses it again once the copy is done.
    """
    return tensor.pin_memory() if device.type == "cuda" else tensor


def widths_of(lengths: np.ndarray, count: int = 8) -> list[int]:
    """At most `count` widths, ascending, to which documents of these lengths are padded; each for as many of them."""
    shares = np.arange(1, count + 1) / count
    return np.unique(np.quantile(-(-lengths // 8) * 8, shares, method="higher")).tolist()


def _padded(
    tokens: TokenisedPart, rows: np.ndarray, model: TextClassifier, multiple: int = 8
) -> tuple[Tensor, Tensor | None]:
    ids, mask = tokens.pad(rows, model.backbone.pad_id, multiple)
    return torch.from_numpy(ids), None if mask.all() else torch.from_numpy(mask)


def _positives(Y: sparse.csr_matrix, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    part = Y[rows]
    return np.repeat(np.arange(len(rows)), np.diff(part.indptr)), part.indices.astype(np.int64)


def by_length(lengths: np.ndarray, batch: int) -> list[np.ndarray]:
    """Positions in batches of similar length, shortest first: for passes where the order does not matter."""
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + batch] for start in range(0, len(order), batch)]


def autocast(model: TextClassifier, precision: Precision) -> torch.autocast:
    """Mixed precision, as the setting and the device determine."""
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
        with suppress(torch.OutOfMemoryError):  # its traceback refers to tensors, which must be freed first
            run(batch)
            fits = True
        if fits:
            continue
        if len(batch) < 2:
            raise InputError("the device's memory is too small for one document: lower `max_tokens` or `clusters_kept`")
        left += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
