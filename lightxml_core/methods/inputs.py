"""Load the files of earlier stages as the inputs of a method."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lightxml_core.corpus.lines import read_lines
from lightxml_core.corpus.store import NAMES, load_Y
from lightxml_core.encoders.tokens import load_tokens
from lightxml_core.files import load_array, load_csr, made
from lightxml_core.methods import TestData, TrainingData


@dataclass(frozen=True)
class Inputs:
    """The paths of a member's prepared inputs; None for those it does not need."""

    corpus: Path
    features: Path | None = None
    encoder: Path | None = None
    tokens: Path | None = None
    clusters: Path | None = None
    vectors: Path | None = None
    names_encoder: Path | None = None

    def files(self) -> list[Path]:
        """Every file of the training data, sorted; provenance records their checksums."""
        found = [self.corpus / "Y.trn.npz"]
        found += [self.features / "X.trn.npz"] if self.features else []
        found += sorted(self.tokens.glob("trn.*")) if self.tokens else []
        for folder in (self.encoder, self.names_encoder, self.vectors):
            found += sorted(path for path in folder.iterdir() if path.is_file()) if folder and folder.is_dir() else []
        return found + [path for path in (self.clusters, self.vectors) if path and path.is_file()]


def load_training_data(inputs: Inputs, needs: frozenset[str]) -> TrainingData:
    """Load the training part, and if `test` is among the needs also the test part with its labels."""
    return TrainingData(
        Y=load_Y(inputs.corpus, "trn"),
        X=load_csr(made(inputs.features / "X.trn.npz")) if inputs.features else None,
        vocabulary=inputs.features / "vocabulary.json" if inputs.features else None,
        tokens=load_tokens(inputs.tokens, "trn") if inputs.tokens else None,
        clusters=load_csr(made(inputs.clusters)) if inputs.clusters else None,
        encoder=inputs.encoder,
        vectors=inputs.vectors,
        names_encoder=inputs.names_encoder,
        names=list(read_lines(made(inputs.corpus / NAMES))) if "names" in needs else None,
        validation=load_array(made(inputs.corpus / "validation.npy")),
        test=load_test_data(inputs, labels=True) if "test" in needs else None,
    )


def load_test_data(inputs: Inputs, labels: bool = False) -> TestData:
    """Load the test part, with its labels only if `labels`."""
    return TestData(
        X=load_csr(made(inputs.features / "X.tst.npz")) if inputs.features else None,
        tokens=load_tokens(inputs.tokens, "tst") if inputs.tokens else None,
        Y=load_Y(inputs.corpus, "tst") if labels else None,
    )
