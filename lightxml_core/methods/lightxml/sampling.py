"""Which negatives a document meets: the paper's dynamic ones, and what the ablations put in their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lightxml_core.methods.lightxml.heads import ClusteredHead
from lightxml_core.methods.transformer.frozen import Frozen
from lightxml_core.methods.transformer.model import LightXML
from lightxml_core.methods.transformer.settings import Settings

_CHUNK = 4096


def fixed_negatives(
    model: LightXML, rows: np.ndarray, documents: int, settings: Settings, frozen: Frozen | None
) -> np.ndarray | None:
    """int32[documents, K] clusters that stay each training document's candidates; None where they are dynamic.

    `rows` are the documents trained on; the others' lines are not used. `earlier` asks the model as it stands, after
    its warm start, what it makes of the frozen features.
    """
    if settings.negatives not in ("random", "earlier"):
        return None
    head = model.head
    assert isinstance(head, ClusteredHead)
    fixed = np.zeros((documents, head.kept), np.int32)
    random = np.random.default_rng([settings.seed, documents])
    model.eval()
    for start in range(0, len(rows), _CHUNK):
        chosen = rows[start : start + _CHUNK]
        if settings.negatives == "random":
            scores = torch.from_numpy(random.random((len(chosen), len(head.size)), np.float32))
        else:
            assert frozen is not None  # the settings ask for a warm start
            with torch.inference_mode():
                features = frozen.features[start : start + _CHUNK].to(model.mean.device)
                scores = head.recall(model.prepare(features)).sigmoid()
        fixed[chosen] = head.propose(scores).cpu().numpy()
    return fixed


def sampling(
    batch: np.ndarray, epoch: int, settings: Settings, fixed: np.ndarray | None, device: torch.device
) -> dict[str, Any]:
    """What the clustered head's loss is told beside the batch; nothing for the flat head."""
    told: dict[str, Any] = {}
    if fixed is not None:
        told["fixed"] = torch.from_numpy(fixed[batch].astype(np.int64)).to(device)
    if settings.two_step:
        told["stage"] = "recall" if epoch < settings.epochs // 2 else "rank"
    return told
