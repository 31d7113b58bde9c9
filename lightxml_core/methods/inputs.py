"""Load the files of earlier stages as the inputs of a method."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from scipy import sparse

from lightxml_core.corpus.lines import read_lines
from lightxml_core.corpus.split import require_validation
from lightxml_core.corpus.store import NAMES, load_stats, load_Y
from lightxml_core.encoders.tokens import TokenisedPart, load_tokens
from lightxml_core.files import load_array, load_csr, unchanged
from lightxml_core.methods import TestData, TrainingData
from lightxml_core.values import KEPT_SCORES


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
    members: Mapping[str, Path] = field(default_factory=dict)
    """Files of scores by `method/member`."""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """The options of a program that say where the inputs lie."""
        parser.add_argument("--corpus", type=Path, required=True)
        parser.add_argument("--features", type=Path, help="folder of X.trn.npz and X.tst.npz")
        parser.add_argument("--encoder", type=Path)
        parser.add_argument("--names_encoder", type=Path, help="encoder of the labels' names, if it is another")
        parser.add_argument("--tokens", type=Path, help="folder of the tokenised corpus")
        parser.add_argument("--clusters", type=Path, help="CSR file, labels by clusters")
        parser.add_argument("--vectors", type=Path, help="folder of word vectors that the workflow downloaded")
        parser.add_argument("--own_vectors", type=Path, help="instead of --vectors: the user's own text file")
        parser.add_argument(
            "--members", type=_named_file, nargs="+", default=[], help="method/member=CSR file of scores"
        )

    @classmethod
    def of(cls, options: argparse.Namespace) -> Inputs:
        """As the options say."""
        given = {entry.name: getattr(options, entry.name) for entry in fields(cls)}
        return cls(**given | {"vectors": options.vectors or options.own_vectors, "members": dict(options.members)})

    def files(self) -> list[Path]:
        """Every file of the training data, sorted; provenance records their checksums."""
        found = [self.corpus / "Y.trn.npz"]
        found += [self.features / "X.trn.npz"] if self.features else []
        found += sorted(self.tokens.glob("trn.*")) if self.tokens else []
        found += sorted(self.members.values())
        for folder in (self.encoder, self.names_encoder, self.vectors):
            found += sorted(path for path in folder.iterdir() if path.is_file()) if folder and folder.is_dir() else []
        return found + [path for path in (self.clusters, self.vectors) if path and path.is_file()]


def add_prediction_options(parser: argparse.ArgumentParser) -> None:
    """The options of a program that predicts with a trained model."""
    parser.add_argument("--method", required=True, help="name of the implementation")
    Inputs.add_options(parser)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--top", type=int, default=KEPT_SCORES, help="scores to keep per document")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="CSR file, documents by labels")


def load_training_data(inputs: Inputs, needs: frozenset[str]) -> TrainingData:
    """Load the training part, and if `test` is among the needs also the test part with its labels."""
    return TrainingData(
        Y=load_Y(inputs.corpus, "trn"),
        X=load_csr(unchanged(inputs.features / "X.trn.npz")) if inputs.features else None,
        vocabulary=inputs.features / "vocabulary.json" if inputs.features else None,
        tokens=load_tokens(inputs.tokens, "trn") if inputs.tokens else None,
        clusters=load_csr(unchanged(inputs.clusters)) if inputs.clusters else None,
        encoder=inputs.encoder,
        vectors=inputs.vectors,
        names_encoder=inputs.names_encoder,
        names=list(read_lines(unchanged(inputs.corpus / NAMES))) if "names" in needs else None,
        validation=load_array(unchanged(inputs.corpus / "validation.npy")),
        test=load_test_data(inputs, labels=True) if "test" in needs else None,
        members=_load_members(inputs),
    )


def without_validation(data: TrainingData) -> TrainingData:
    """The training data without the validation documents, so that none is left to select by.

    InputError where there are none to leave out.
    """
    require_validation(len(data.validation), "a training without the validation documents needs some to leave out")
    rows = np.setdiff1d(np.arange(data.Y.shape[0]), data.validation)
    return replace(
        data,
        Y=data.Y[rows],
        X=None if data.X is None else data.X[rows],
        tokens=None if data.tokens is None else data.tokens.take(rows),
        validation=np.empty(0, np.int64),
    )


def load_validation_data(inputs: Inputs) -> TestData:
    """Load the validation documents as a model sees documents to predict, without their labels."""
    return _rows_of(
        load_array(unchanged(inputs.corpus / "validation.npy")),
        load_csr(unchanged(inputs.features / "X.trn.npz")) if inputs.features else None,
        load_tokens(inputs.tokens, "trn") if inputs.tokens else None,
    )


def held_out(data: TrainingData) -> TestData:
    """The validation documents as a model sees documents to predict, without their labels."""
    return replace(_rows_of(data.validation, data.X, data.tokens), members=data.members)


def _rows_of(rows: np.ndarray, X: sparse.csr_matrix | None, tokens: TokenisedPart | None) -> TestData:
    """These training documents as documents to predict."""
    return TestData(
        X=None if X is None else sparse.csr_matrix(X[rows]),
        tokens=None if tokens is None else tokens.take(rows),
        documents=len(rows),
    )


def load_test_data(inputs: Inputs, labels: bool = False) -> TestData:
    """Load the test part, with its labels only if `labels`."""
    return TestData(
        X=load_csr(unchanged(inputs.features / "X.tst.npz")) if inputs.features else None,
        tokens=load_tokens(inputs.tokens, "tst") if inputs.tokens else None,
        Y=load_Y(inputs.corpus, "tst") if labels else None,
        members=_load_members(inputs),
        documents=load_stats(inputs.corpus)["documents_tst"],
    )


def _load_members(inputs: Inputs) -> dict[str, sparse.csr_matrix]:
    return {name: load_csr(unchanged(file)) for name, file in inputs.members.items()}


def _named_file(text: str) -> tuple[str, Path]:
    """`method/member=file`."""
    name, _, file = text.partition("=")
    return name, Path(file)
