"""The negatives of a document: the paper's dynamic ones, or those of the ablations."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lightxml_core.methods.lightxml.heads import ClusteredHead
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.methods.transformer.frozen import Frozen
from lightxml_core.methods.transformer.inputs import on_device
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.methods.transformer.training import Sampler

_CHUNK = 4096


def sampler_of(
    settings: Settings, documents: int, model: TextClassifier, rows: np.ndarray, before: Frozen | None
) -> Sampler:
    """What the clustered head's loss is given besides the batch; nothing for the flat head.

    documents: of the training part, of which those in `rows`, int64, are trained on.
    """
    fixed = _fixed_negatives(settings, documents, model, rows, before)

    def sampler(batch: np.ndarray, epoch: int) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if fixed is not None:
            given["fixed"] = on_device(torch.from_numpy(fixed[batch].astype(np.int64)), model.mean.device)
        if settings.heads.two_step:
            given["stage"] = "recall" if epoch < settings.training.epochs // 2 else "rank"
        return given

    return sampler


def _fixed_negatives(
    settings: Settings, documents: int, model: TextClassifier, rows: np.ndarray, before: Frozen | None
) -> np.ndarray | None:
    """int32[documents, K] clusters that stay each training document's candidates; None where they are dynamic.

    The lines of documents that are not in `rows` are not used. `earlier` takes what the recall head proposes after the
    warm start, from the features of the frozen encoder.
    """
    how = settings.heads.negatives
    if how not in ("random", "earlier"):
        return None
    head = model.head
    assert isinstance(head, ClusteredHead)
    fixed = np.zeros((documents, head.kept), np.int32)
    random = np.random.default_rng([settings.seed, documents])
    model.eval()
    for start in range(0, len(rows), _CHUNK):
        chosen = rows[start : start + _CHUNK]
        if how == "random":
            scores = torch.from_numpy(random.random((len(chosen), len(head.size)), np.float32))
        else:
            assert before is not None  # the settings ask for a warm start
            with torch.inference_mode():
                features = before.features[start : start + _CHUNK].to(model.mean.device)
                scores = head.recall(model.prepare(features)).sigmoid()
        fixed[chosen] = head.propose(scores).cpu().numpy()
    return fixed
