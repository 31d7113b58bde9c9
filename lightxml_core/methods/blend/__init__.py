"""A weighted mean of the calibrated scores of members of other methods, such as an encoder and a linear model.

Both steps learn from the validation documents, with scores of models that were not trained on them:

1. Calibration: the scores of each member become probabilities (Platt 1999, see `calibration`).
2. Weighting: members are added greedily, with replacement (Caruana et al., ICML 2004, see `weights`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.methods import BaseSettings, TestData, TrainingData
from lightxml_core.values import Count


@dataclass(frozen=True)
class Settings(BaseSettings):
    """What is blended, and how finely it is weighted."""

    blends: list[str] = field(default_factory=list)
    """The members, each as `method/member`. Each is used with the seed of the blend."""

    rounds: Count = 20
    """The number of additions of the ensemble selection. More of them allow finer weights."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if twice := [name for name in self.blends if self.blends.count(name) > 1]:
            raise InputError(f"blends names {twice[0]} twice: name each member once")


def needs(settings: Settings) -> frozenset[str]:
    """The predictions of the members."""
    return frozenset({"members"})


def holds_out(settings: Settings) -> bool:
    """True: the validation documents only calibrate and weight the members, which were not trained on them."""
    return True


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Calibrate and weight the members on the validation documents. It takes seconds and is not resumed.

    InputError where no document is held out.
    """
    from lightxml_core.methods.blend.fitting import fit_blend
    from lightxml_core.methods.blend.model import save_blend

    members = {name: data.members[name] for name in settings.blends}
    save_blend(fit_blend(members, sparse.csr_matrix(data.Y[data.validation]), settings.rounds, settings.seed), out)


def predict(model: Path, data: TestData, top_k: int) -> sparse.csr_matrix:
    """float32 CSR N_tst x L of the `top_k` best labels, with the weighted mean of the members' probabilities.

    A label that a member does not list has probability 0 in it.
    """
    from lightxml_core.evaluation.metrics import top_k as keep_best
    from lightxml_core.methods.blend.fitting import blend
    from lightxml_core.methods.blend.model import read_blend

    return keep_best(blend(read_blend(model), data.members), top_k)
