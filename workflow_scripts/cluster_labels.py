"""Cluster the labels by a balanced tree of 2-means over their features."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.clustering.balanced import balanced_clusters, leaf_objective
from lightxml_core.features.labels import label_features
from lightxml_core.files import load_csr, save_csr, seal, unchanged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=Path, required=True, help="TF-IDF of the training documents")
    parser.add_argument("--labels", type=Path, required=True, help="Y.trn.npz")
    parser.add_argument("--max-leaf", type=int, required=True, help="largest number of labels in a cluster")
    parser.add_argument("--seed", type=int, required=True, help="seed of the tree")
    parser.add_argument(
        "--tolerance", type=float, default=1e-4, help="smallest gain in similarity that continues a split"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="CSR file, labels by clusters")
    options = parser.parse_args()
    folder = options.out.parent  # also for large temporary files
    folder.mkdir(parents=True, exist_ok=True)
    Z = label_features(load_csr(unchanged(options.features), folder), load_csr(unchanged(options.labels)), folder)
    clusters = balanced_clusters(Z, options.max_leaf, options.seed, options.tolerance, threads=options.threads)
    save_csr(options.out, clusters)
    seal(options.out)
    print(
        f"{clusters.shape[0]:,} labels in {clusters.shape[1]:,} clusters, objective {leaf_objective(Z, clusters):.4f}"
    )


if __name__ == "__main__":
    start(main)
