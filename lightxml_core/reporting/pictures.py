"""What figures there are: the names of their files, and their words. Imports nothing heavy."""

from __future__ import annotations

from lightxml_core.selection import Selection

# name -> heading, what it shows; in the order of the report. One of each a dataset.
PICTURES = {
    "precision": ("Precision", "Precision at 1, 3 and 5 of every method and variant, as bars"),
    "propensity": ("Propensity-scored precision", "The same with each label weighed by its rarity (PSP@1, 3 and 5)"),
    "tail": (
        "Head to tail",
        "Recall at 5 and share of P@5 by decile of label frequency, the most frequent labels first",
    ),
    "coverage": (
        "Label coverage",
        "Of the labels that the test documents have, those found at least once among the first 1, 3 and 5 predictions",
    ),
    "lost": (
        "What became of the true labels",
        "True labels among the first five predictions, predicted further down, not among the best 100, never seen",
    ),
    "candidates": (
        "Candidates and their ranking",
        "Recall among the K best predictions as K grows to 100; and recall among 100 against P@5 of the ranking",
    ),
    "calibration": (
        "Calibration",
        "Share of predicted labels that are true by tenth of the score; on the diagonal a score is a probability",
    ),
    "cost": ("Accuracy and cost", "P@1 and PSP@5 against training time, model size and prediction time"),
    "training": (
        "Training",
        "Training loss (of the recall and the rank head, where there are two) over the optimiser steps; validation "
        "P@1, P@3 and P@5 over the documents encoded",
    ),
    "negatives": (
        "Dynamic and static negatives",
        "Validation P@1, P@3 and P@5 over the documents encoded, by how the negative labels are drawn",
    ),
    "corpora": (
        "Corpus",
        "Labels by the number of their training documents, and training documents by their words, in doublings",
    ),
}
RULES = ("rules", "The rules that the target runs and what each needs, from the download to the report")


def picture_name(selection: Selection, figure: str, dataset: str) -> str:
    """Name of a figure's files, without suffix: that of the figure, and the dataset's where there are several."""
    return figure if len(selection.datasets) == 1 else f"{figure}-{dataset}"
