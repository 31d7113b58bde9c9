"""Training LightXML: the shared training with its own head and negatives."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.methods import TrainingData
from lightxml_core.methods.lightxml.memory import save_memory
from lightxml_core.methods.lightxml.model import head_of
from lightxml_core.methods.lightxml.sampling import sampler_of
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.methods.transformer import training
from lightxml_core.methods.transformer.prediction import Observe
from lightxml_core.methods.transformer.training import Parts


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train one member into the folder `out`."""
    parts = Parts(
        settings.heads.head,
        head_of(settings, data.Y.shape[1], data.clusters),
        partial(sampler_of, settings, data.Y.shape[0]),
        partial(_keep_memory, data.Y) if settings.memory.neighbours else None,
        [*Path(__file__).parent.glob("*.py")],
    )
    training.fit(data, settings, parts, out, resume)


def _keep_memory(
    Y: sparse.csr_matrix, folder: Path, read: Callable[[Observe], None], width: int, rows: np.ndarray
) -> None:
    save_memory(folder, read, width, Y[rows], rows)
