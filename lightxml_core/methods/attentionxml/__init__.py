"""AttentionXML (You et al., NeurIPS 2019): a recurrent network with one attention per label, along a label tree."""

from __future__ import annotations

from pathlib import Path

from scipy import sparse

from lightxml_core.features.vectors import from_file
from lightxml_core.methods import Explain, Predict, TestData, TrainingData
from lightxml_core.methods.attentionxml.settings import Settings

__all__ = ["Settings", "explain", "fit", "holds_out", "load", "needs", "predict"]


def needs(settings: Settings) -> frozenset[str]:
    """Words as tokens and a GPU; label clusters for a tree, and word vectors if the settings name a file of them."""
    wanted = {"clusters": bool(settings.levels), "vectors": from_file(settings.vectors)}
    return frozenset({"tokens", "gpu"} | {name for name, is_wanted in wanted.items() if is_wanted})


def holds_out(settings: Settings) -> bool:
    """The validation documents only select the weights."""
    return True


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train one tree, or one network for all labels, into the folder `out`."""
    from lightxml_core.methods.attentionxml import train

    train.fit(data, settings, out, resume)


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N_tst × L of the `top_k` best labels' scores."""
    from lightxml_core.methods.attentionxml import prediction

    return prediction.predict(model, data, top_k)


def load(model: Path) -> Predict:
    """`predict` with the model in memory."""
    from lightxml_core.methods.attentionxml import prediction

    return prediction.load(model)


def explain(model: Path) -> Explain:
    """Which parts of a document carried a label."""
    from lightxml_core.methods.attentionxml import prediction

    return prediction.explain(model)
