"""The sizes of a dataset and the load of a training run, for estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# tokens per word: English prose in the WordPiece of BERT-base; distinct words among those of a document
TOKENS_PER_WORD, DISTINCT = 1.3, 0.6
BYTES_PER_WORD = 6.5
# weight, gradient and AdamW's two moments in fp32
BYTES_PER_WEIGHT = 16
# memory of a method on sparse features: COPIES times the features, and Python (omikuji, 15,449 documents, 165 features)
COPIES, PYTHON = 6.0, 0.4 * 2**30


@dataclass(frozen=True)
class Shape:
    """A dataset's sizes; None for those that are not known before the download."""

    documents_trn: float | None
    documents_tst: float | None
    labels: float | None
    words: float | None
    labels_per_document: float | None = None

    @property
    def all_words(self) -> float | None:
        if self.words is None or self.documents_trn is None or self.documents_tst is None:
            return None
        return self.words * (self.documents_trn + self.documents_tst)


@dataclass(frozen=True)
class Load:
    """The load of one model. None: not known.

    operations: floating-point, of training. memory: bytes in training. core_seconds: of a training that uses no GPU,
    on one core. kept: bytes that the model stores beside its weights, such as the vectors of training documents.
    """

    operations: float | None
    weights: float | None
    memory: float | None
    core_seconds: float | None = None
    kept: float = 0.0


def encoder_weights(size: Mapping[str, int]) -> float:
    """Number of weights of an encoder: attention and feed-forward layers, and the table of tokens."""
    return 12.0 * size["layers"] * size["width"] ** 2 + size["vocabulary"] * size["width"]


def sparse_memory(words: float) -> float:
    """Bytes that a method on sparse features alone takes for a corpus of so many words."""
    return PYTHON + COPIES * words * DISTINCT * 8.0
