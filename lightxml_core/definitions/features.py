"""What a file in datasets/ may hold about features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from lightxml_core.definitions.kinds import Definition, Maybe
from lightxml_core.values import Count


@dataclass(frozen=True, kw_only=True)
class FeatureSettings(Definition):
    """How TF-IDF and bags of words are built from the texts."""

    min_df: Count = 1
    """Training documents that a term must occur in; 1 by default."""
    max_features: Maybe[Count] = None
    """Only so many of the most frequent terms are kept; all by default."""
    sublinear: bool = True
    """Whether a term counts 1 + the logarithm of its occurrences, for TF-IDF only; true by default."""
    ngrams: Annotated[int, Ge(1), Le(10)] = 1
    """The longest sequence of words, or of characters, that is a term; 1 by default."""
    analyzer: Literal["word", "char_wb"] = "word"
    """Whether terms are words, the default, or characters within words, as scikit-learn's analyzer of this name."""
