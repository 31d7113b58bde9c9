"""LightDXML (Mishra et al., IJCNN 2023): sparse features, trained label embeddings, one classifier per label."""

from __future__ import annotations

from pathlib import Path

from scipy import sparse

from lightxml_core.features.vectors import from_file
from lightxml_core.methods import Explain, Predict, TestData, TrainingData
from lightxml_core.methods.lightdxml.settings import Settings

__all__ = ["Settings", "explain", "fit", "load", "needs", "predict"]


def needs(settings: Settings) -> frozenset[str]:
    """TF-IDF features, a GPU if there is one, and word vectors if the settings name a file of them."""
    return frozenset({"tfidf", "gpu"} | ({"vectors"} if from_file(settings.vectors) else set()))


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train into the folder `out`."""
    from lightxml_core.methods.lightdxml import train

    train.fit(data, settings, out, resume)


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N_tst × L of the `top_k` best labels' scores."""
    from lightxml_core.methods.lightdxml import prediction

    return prediction.predict(model, data, top_k)


def load(model: Path) -> Predict:
    """`predict` with the model in memory."""
    from lightxml_core.methods.lightdxml import prediction

    return prediction.load(model)


def explain(model: Path) -> Explain:
    """Which parts of a document carried a label."""
    from lightxml_core.methods.lightdxml import prediction

    return prediction.explain(model)
