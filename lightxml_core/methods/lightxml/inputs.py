"""From memory-mapped tokens and label rows to tensors on the model's device."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from lightxml_core.encoders.tokens import TokenisedPart
from lightxml_core.methods.lightxml.model import LightXML
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.training.devices import autocast_dtype

PREDICTION_BATCH = 64


def padded(tokens: TokenisedPart, rows: np.ndarray, model: LightXML, limit: int | None = None) -> tuple[Tensor, Tensor]:
    """int64[B, T] ids and bool[B, T] mask of some documents, T at most `limit` rounded up."""
    ids, mask = tokens.pad(rows, model.backbone.pad_id, limit=limit)
    return _moved(ids, model), _moved(mask, model)


def positives(Y: sparse.csr_matrix, rows: np.ndarray, model: LightXML) -> tuple[Tensor, Tensor]:
    """The labels of some documents as (row in the batch, label) pairs, two int64[P]."""
    part = Y[rows]
    batch_rows = np.repeat(np.arange(len(rows)), np.diff(part.indptr))
    return _moved(batch_rows, model), _moved(part.indices.astype(np.int64), model)


def by_length(lengths: np.ndarray, batch: int) -> list[np.ndarray]:
    """Positions in batches of like length, shortest first: for passes where the order does not matter."""
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + batch] for start in range(0, len(order), batch)]


def autocast(model: LightXML, settings: Settings) -> torch.autocast:
    """Mixed precision as the settings and the device have it."""
    device = model.mean.device
    dtype = autocast_dtype(settings.precision, device)
    return torch.autocast(device.type, dtype, enabled=dtype is not None)


def _moved(array: np.ndarray, model: LightXML) -> Tensor:
    return torch.from_numpy(array).to(model.mean.device, non_blocking=True)
