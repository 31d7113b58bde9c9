"""Build TF-IDF or bag-of-words features of a corpus."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.corpus.store import load_stats, load_texts, load_X
from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.definitions.reading import from_json
from lightxml_core.features.labels import normalise_rows
from lightxml_core.features.text import Features, build_bow, build_tfidf
from lightxml_core.features.vectoriser import NoVectoriser
from lightxml_core.files import seal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--kind", choices=["tfidf", "bow"], required=True)
    settings = from_json(FeatureSettings, "--settings")
    parser.add_argument("--settings", type=settings, default="{}", help="JSON: `features` of the dataset's file")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)  # also for large temporary files
    features = _features(options)
    features.write(options.out)
    seal(options.out)
    X_trn, X_tst = features.X_trn, features.X_tst
    documents = f"{X_trn.shape[0]:,} + {X_tst.shape[0]:,} documents"
    print(f"{documents}, {X_trn.shape[1]:,} features, {X_trn.nnz:,} values in training")


def _features(options: argparse.Namespace) -> Features:
    if not load_stats(options.corpus)["texts"]:
        X_trn, X_tst = (load_X(options.corpus, part, options.out) for part in ("trn", "tst"))
        if options.kind == "tfidf":
            X_trn, X_tst = (normalise_rows(X, options.out) for X in (X_trn, X_tst))
        columns = {str(column): column for column in range(X_trn.shape[1])}
        return Features(X_trn, X_tst, NoVectoriser("it was trained on a bag of words that came without texts", columns))
    build = build_tfidf if options.kind == "tfidf" else build_bow
    trn, tst = load_texts(options.corpus, "trn"), load_texts(options.corpus, "tst")
    return build(trn, tst, options.settings, options.out)


if __name__ == "__main__":
    start(main)
