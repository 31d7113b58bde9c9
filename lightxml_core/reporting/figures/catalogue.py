"""Every kind of figure, in the order of the report. A new one is a module with `draw` and a line here.

There is one of each kind per dataset, or one over all datasets.

Imports nothing heavy: the workflow and the report read it; the module of a figure is imported when it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lightxml_core.selection import Selection


@dataclass(frozen=True)
class Kind:
    """A kind of figure: the name of its module and of its files, its heading and what it shows.

    of_members: whether it shows the members of ensembles even where there are many runs. with_curves: whether its
    `draw` also takes the published curves of the dataset. over_datasets: whether there is one of all datasets.
    """

    name: str
    heading: str
    caption: str
    of_members: bool = False
    with_curves: bool = False
    over_datasets: bool = False

    @property
    def module(self) -> Path:
        """The file that draws it."""
        return Path(__file__).with_name(f"{self.name}.py")

    def stem(self, selection: Selection, dataset: str) -> str:
        """The name of its files without suffix: with the dataset where there is one for each of several."""
        return self.name if len(selection.datasets) == 1 or self.over_datasets else f"{self.name}-{dataset}"


KINDS = (
    Kind("precision", "Precision", "P@1, 3 and 5 of every method and variant"),
    Kind("propensity", "Propensity-scored precision", "PSP@1, 3 and 5: precision with rare labels weighted higher"),
    Kind("ranks", "Ranks", "Mean rank of each method over the datasets at P@1, P@5 and PSP@5", over_datasets=True),
    Kind(
        "tail",
        "Head to tail",
        "Recall at 5, and contribution to P@5, by decile of label frequency, the most frequent labels first",
    ),
    Kind(
        "coverage",
        "Label coverage",
        "Share of the test set's labels that are predicted correctly at least once among the first 1, 3 and 5 labels",
    ),
    Kind(
        "lost",
        "True labels found and lost",
        "Share of the true labels among the first five predictions, further down, not among the best 100, and never "
        "seen in training",
    ),
    Kind(
        "candidates",
        "Candidates and their ranking",
        "Recall among the K best predictions for K up to 100, and recall among 100 against P@5",
    ),
    Kind(
        "calibration",
        "Calibration",
        "Share of predicted labels that are true, by tenth of the score; on the diagonal a score is a probability",
    ),
    Kind("cost", "Accuracy and cost", "P@1 and PSP@5 against training time, model size and prediction time"),
    Kind(
        "training",
        "Training",
        "Training loss (of the recall head and the rank head, where there are two) over optimiser steps; validation "
        "P@1, P@3 and P@5 over documents encoded. Coloured lines were run here. Grey lines are published for the "
        "dataset: precision on the test documents after each epoch",
        of_members=True,
        with_curves=True,
    ),
    Kind(
        "negatives",
        "Dynamic and static negatives",
        "Validation P@1, P@3 and P@5 over documents encoded, by how negative labels are drawn",
        of_members=True,
    ),
    Kind(
        "corpora",
        "Corpus",
        "Labels by number of training documents, and training documents by number of words, in ranges that double",
    ),
)
