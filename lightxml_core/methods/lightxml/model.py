"""LightXML's model: the shared classifier with the head that the settings name."""

from __future__ import annotations

from pathlib import Path

from scipy import sparse

from lightxml_core.files import load_csr, read_json
from lightxml_core.methods import of_stored
from lightxml_core.methods.lightxml.heads import ClusteredHead
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.methods.transformer.heads import FlatHead, Head
from lightxml_core.methods.transformer.model import MakeHead, TextClassifier, build_classifier
from lightxml_core.methods.transformer.settings import FORMER


def build_model(
    settings: Settings, encoder: Path, labels: int, clusters: sparse.csr_matrix | None, pretrained: bool = True
) -> TextClassifier:
    """The model before training, see `build_classifier`. clusters: CSR L × C, for the clustered head."""
    return build_classifier(settings, encoder, head_of(settings, labels, clusters), pretrained)


def head_of(settings: Settings, labels: int, clusters: sparse.csr_matrix | None) -> MakeHead:
    """Makes the head that the settings name. clusters: CSR L × C, for the clustered one."""

    def make(width: int) -> Head:
        how, loss = settings.heads, settings.training.loss
        if how.head == "flat":
            return FlatHead(width, labels, loss, how.table_lr if how.table == "in-place" else None)
        assert clusters is not None, "the clustered head asked for clusters in needs()"
        assert loss != "hinge"
        return ClusteredHead(
            width,
            clusters,
            how.bottleneck,
            how.clusters_kept,
            loss,
            how.label_bias,
            how.negatives != "all",
            how.table,
            how.padding,
            how.table_lr,
        )

    return make


def stored(folder: Path) -> tuple[Settings, MakeHead]:
    """The settings of a trained model, and its head."""
    values = read_json(folder / "settings.json")
    labels = int(values.pop("labels"))
    settings = of_stored(Settings(), values, FORMER)
    clusters = load_csr(folder / "clusters.npz") if settings.heads.head == "clustered" else None
    return settings, head_of(settings, labels, clusters)
