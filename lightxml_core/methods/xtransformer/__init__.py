"""X-Transformer (Chang et al., KDD 2020): label clusters, a transformer that proposes them, linear rankers."""

from __future__ import annotations

from pathlib import Path

from scipy import sparse

from lightxml_core.methods import Explain, Predict, TestData, TrainingData
from lightxml_core.methods.xtransformer.settings import Settings

__all__ = ["Settings", "explain", "fit", "load", "needs", "predict"]


def needs(settings: Settings) -> frozenset[str]:
    """Tokens, TF-IDF features, a GPU, and for `embedding: text` the labels' texts with an encoder to read them."""
    own = {"names_encoder"} if settings.clusters.embedding == "text" and settings.clusters.names_backbone else set()
    return frozenset({"tokens", "tfidf", "names", "gpu"} | own)


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train one member, of one label embedding and one backbone, into the folder `out`."""
    from lightxml_core.methods.xtransformer import train

    train.fit(data, settings, out, resume)


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N_tst × L of the `top_k` best labels' scores."""
    from lightxml_core.methods.xtransformer import prediction

    return prediction.predict(model, data, top_k)


def load(model: Path) -> Predict:
    """`predict` with the model in memory."""
    from lightxml_core.methods.xtransformer import prediction

    return prediction.load(model)


def explain(model: Path) -> Explain:
    """Which parts of a document carried a label."""
    from lightxml_core.methods.xtransformer import prediction

    return prediction.explain(model)
