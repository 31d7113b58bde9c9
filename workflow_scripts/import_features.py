"""Import the TF-IDF that the downloaded copy of a dataset ships, or build it if the copy ships none."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.corpus.layouts import shipped_features
from lightxml_core.corpus.layouts.shipped import Shipped
from lightxml_core.corpus.store import load_stats, load_texts
from lightxml_core.corpus.types import PARTS
from lightxml_core.definitions.features import FeatureSettings
from lightxml_core.definitions.reading import from_json
from lightxml_core.downloads.used import read_used
from lightxml_core.features.labels import normalise_rows
from lightxml_core.features.origin import OF_CLUSTERS, origins
from lightxml_core.features.text import Features, build_tfidf
from lightxml_core.features.vectoriser import NoVectoriser
from lightxml_core.files import atomic_path, link_or_copy, save_csr, seal, unchanged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, required=True, help="folder of the dataset's files")
    parser.add_argument("--used", type=Path, required=True, help="JSON file written by the download")
    parser.add_argument("--corpus", type=Path, required=True)
    settings = from_json(FeatureSettings, "--settings")
    parser.add_argument("--settings", type=settings, default="{}", help="JSON: `features` of the dataset's file")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)  # also for large temporary files
    used = read_used(options.used)
    shipped = _shipped(options, used.layout)
    features = _features(shipped, options)
    features.write(options.out)
    if shipped is not None and shipped.tst is None:
        save_csr(options.out / OF_CLUSTERS, normalise_rows(shipped.trn, options.out))
    else:
        with atomic_path(options.out / OF_CLUSTERS) as temporary:
            link_or_copy(options.out / "X.trn.npz", temporary)
    found = origins(shipped, features.X_trn.shape[1], used.archives)
    found.write(options.out)
    seal(options.out)
    print(f"for methods: {found.documents}\nfor label clusters: {found.clusters}")


def _shipped(options: argparse.Namespace, layout: str) -> Shipped | None:
    stats = load_stats(options.corpus)
    documents = {part: stats[f"documents_{part}"] for part in PARTS}
    return shipped_features(layout, unchanged(options.raw), documents, options.out)


def _features(shipped: Shipped | None, options: argparse.Namespace) -> Features:
    """The features of all documents for the methods."""
    if shipped is not None and shipped.tst is not None:
        X_trn, X_tst = (normalise_rows(X, options.out) for X in (shipped.trn, shipped.tst))
        return Features(
            X_trn, X_tst, NoVectoriser("its features came with the dataset, without the terms they stand for")
        )
    trn, tst = load_texts(options.corpus, "trn"), load_texts(options.corpus, "tst")
    return build_tfidf(trn, tst, options.settings, options.out)


if __name__ == "__main__":
    start(main)
