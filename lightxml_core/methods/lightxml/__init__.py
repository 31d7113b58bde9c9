"""LightXML (Jiang et al., AAAI 2021): a transformer trained end to end with dynamic negative sampling."""

from __future__ import annotations

from pathlib import Path

from scipy import sparse

from lightxml_core.methods import Explain, FindNearest, Predict, TestData, TrainingData
from lightxml_core.methods.lightxml.protocols import PROTOCOLS
from lightxml_core.methods.lightxml.settings import Settings

__all__ = ["PROTOCOLS", "Settings", "explain", "fit", "holds_out", "load", "needs", "predict"]


def needs(settings: Settings) -> frozenset[str]:
    """Tokens and GPUs always, clusters for the clustered head, the test set for a protocol that selects on it."""
    clusters = {"clusters"} if settings.heads.head == "clustered" else set()
    gpus = "gpus" if settings.heads.table == "dense" else "gpu"  # else each process would change other values
    return frozenset({"tokens", gpus} | clusters | ({"test"} if settings.selection.select == "test" else set()))


def holds_out(settings: Settings) -> bool:
    """Whether the validation documents only select the weights."""
    return settings.selection.select == "validation"


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train one member (one backbone, or one clustering) into the folder `out`."""
    from lightxml_core.methods.lightxml import train

    train.fit(data, settings, out, resume)


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N_tst × L of the `top_k` best labels' scores."""
    from lightxml_core.methods.lightxml import prediction

    return prediction.predict(model, data, top_k)


def load(model: Path) -> Predict:
    """`predict` with the model in memory."""
    from lightxml_core.methods.lightxml import prediction

    return prediction.load(model)


def nearest(model: Path) -> FindNearest | None:
    """A function that finds the training documents which vote for the labels of a document; None without a memory."""
    from lightxml_core.methods.lightxml import prediction

    return prediction.nearest(model)


def explain(model: Path) -> Explain:
    """Which parts of a document carried a label."""
    from lightxml_core.methods.lightxml import prediction

    return prediction.explain(model)
