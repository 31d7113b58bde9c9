"""TF-IDF of 5,000 documents of 800 words with the counts on disk, against scikit-learn's vectoriser in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.harness import measure, medians, report
from benchmarks.synthetic import Shape, generate
from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.features.text import build_tfidf

DOCUMENTS, TESTS, SHAPE = 5_000, 2_000, Shape(5_000, 1_000_000, 4.75, 800)
REPEATS = 3


def main() -> None:
    trn, tst = (generate(count, SHAPE, seed).texts() for seed, count in enumerate((DOCUMENTS, TESTS)))

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            build_tfidf(trn, tst, FeatureSettings(), Path(folder))

    def scikit_learn() -> None:
        vectoriser = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", sublinear_tf=True, dtype=np.float32)
        vectoriser.fit_transform(trn)
        vectoriser.transform(tst)

    seconds = measure({"ours": ours, "scikit-learn": scikit_learn}, REPEATS)
    middle = medians(seconds)
    ratio = middle["ours"]["cpu"] / middle["scikit-learn"]["cpu"]
    report("features", ratio, 1.2, "scikit-learn's TfidfVectorizer in memory, CPU time", {"seconds": seconds})


if __name__ == "__main__":
    main()
