"""AttentionXML (You et al., NeurIPS 2019): a recurrent network with one attention a label, down a label tree."""

from __future__ import annotations

from pathlib import Path

from scipy import sparse

from lightxml_core.methods import TestData, TrainingData
from lightxml_core.methods.attentionxml.settings import Settings

__all__ = ["Settings", "fit", "needs", "predict"]


def needs(settings: Settings) -> frozenset[str]:
    """Words as tokens and a GPU; label clusters where there is a tree."""
    return frozenset({"tokens", "gpu"} | ({"clusters"} if settings.levels else set()))


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train one tree, or one network for all labels, into the folder `out`."""
    from lightxml_core.methods.attentionxml import train

    train.fit(data, settings, out, resume)


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N_tst × L of the `top_k` best labels' scores."""
    from lightxml_core.methods.attentionxml import prediction

    return prediction.predict(model, data, top_k)
