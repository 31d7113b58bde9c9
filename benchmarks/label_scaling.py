"""A training step (encoder apart) with 3,956 to 3,000,000 labels: time and memory of the head, of either optimiser.

The candidate list is bounded: 75 clusters of about 82 labels, whatever the number of labels. Goal: from 13,330 to
670,091 labels the step without its optimiser takes less than twice as long. Draws benchmarks/results/label_scaling.png.
"""

from __future__ import annotations

import gc
import statistics
from typing import Any

import numpy as np
import torch
from scipy import sparse

from benchmarks.harness import RESULTS, report, wall_seconds
from lightxml_core.methods.lightxml.heads import ClusteredHead
from lightxml_core.training.optimisers import adamw

SIZES = (3_956, 13_330, 100_000, 670_091, 3_000_000)
WIDTH, BOTTLENECK, LEAF, KEPT, BATCH, POSITIVES = 3_840, 400, 82, 75, 16, 5


def head(labels: int, row_sparse: bool) -> ClusteredHead:
    """The two heads over clusters of up to 82 labels."""
    cluster = np.arange(labels) // LEAF
    shape = (labels, int(cluster[-1]) + 1)
    clusters = sparse.csr_matrix((np.ones(labels, np.float32), (np.arange(labels), cluster)), shape=shape)
    return ClusteredHead(WIDTH, clusters, BOTTLENECK, KEPT, "mean", label_bias=False, row_sparse=row_sparse)


def measured(labels: int, row_sparse: bool) -> dict[str, Any]:
    """Median seconds of loss and backward, and of the optimiser; bytes of weights, gradients and moments."""
    random, model = np.random.default_rng(1), head(labels, row_sparse)
    learnt = [*(p for p in model.parameters() if p.requires_grad), *model.blocks()]
    optimizer = adamw([{"params": learnt, "lr": 1e-4}])
    rows = torch.from_numpy(np.repeat(np.arange(BATCH), POSITIVES))
    own = torch.from_numpy(random.integers(0, labels, len(rows)))
    features = torch.randn(BATCH, WIDTH)

    def learn() -> None:
        optimizer.zero_grad(set_to_none=True)
        model.loss(features, rows, own).total.backward()

    seconds = wall_seconds({"step": learn, "optimiser": optimizer.step})
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    state = [value for entry in optimizer.state.values() for value in entry.values()]
    held = [*model.parameters(), *(p.grad for p in learnt if p.grad is not None), *state]
    gib = sum(tensor.numel() * tensor.element_size() for tensor in held) / 2**30
    return {"labels": labels, "row_sparse": row_sparse, **medians, "gib": gib}


def draw(found: list[dict[str, Any]]) -> None:
    """Seconds and memory against the number of labels."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for row_sparse, style in ((False, "o-"), (True, "s--")):
        own = [entry for entry in found if entry["row_sparse"] == row_sparse]
        labels, name = [entry["labels"] for entry in own], "row-sparse" if row_sparse else "dense"
        axes[0].plot(labels, [entry["step"] for entry in own], style, label=f"loss and gradient, {name}")
        axes[0].plot(labels, [entry["optimiser"] for entry in own], style, label=f"optimiser, {name}", alpha=0.6)
        axes[1].plot(labels, [entry["gib"] for entry in own], style, label=name)
    axes[0].set(xscale="log", yscale="log", xlabel="labels", ylabel="seconds a step of 16 documents")
    axes[1].set(xscale="log", yscale="log", xlabel="labels", ylabel="weights, gradients, moments (GiB)")
    for axis in axes:
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
    figure.savefig(RESULTS / "label_scaling.png", dpi=150)


def main() -> None:
    found = []
    for labels in SIZES:
        for row_sparse in (False, True):
            found.append(measured(labels, row_sparse))
            print("  ".join(f"{key} {value:,.4g}" for key, value in found[-1].items()), flush=True)
            gc.collect()
    at = {(entry["labels"], entry["row_sparse"]): entry for entry in found}
    for row_sparse, name in ((False, "dense"), (True, "row_sparse")):
        ratio = at[670_091, row_sparse]["step"] / at[13_330, row_sparse]["step"]
        details = {"steps": [entry for entry in found if entry["row_sparse"] == row_sparse]}
        report(f"label_scaling_{name}", ratio, 2.0, "the step at 13,330 labels, optimiser apart", details)
    passes = [at[670_091, row_sparse]["optimiser"] for row_sparse in (True, False)]
    report("row_sparse_optimiser", passes[0] / passes[1], None, "the pass of fused AdamW over 670,091 × 400", {})
    draw(found)


if __name__ == "__main__":
    main()
