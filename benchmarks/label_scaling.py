"""A training step (encoder apart) with 3,956 to 3,000,000 labels: time and memory of the head, of either optimiser.

The candidate list is bounded: 75 clusters of about 82 labels, whatever the number of labels. What grows is measured
apart: the recall head, which has one output a cluster; the rank head, whose documents propose the same few clusters
where there are few and different ones where there are many; and the optimiser's pass. Goal: without that pass less than
twice as long with 670,091 labels as with 13,330. Draws benchmarks/label_scaling.png.

With 13,330 labels 16 documents share the rows of all 163 clusters, which are read once and stay in the cache; so that
gain is measured too, against a step of 13,330 labels whose candidates are gathered for each document anew, and so is
the time for each weight that a step needs: of the recall head, the projection and the rows of the candidates.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from scipy import sparse

from benchmarks.harness import measure, medians, report
from lightxml_core.methods.lightxml import heads
from lightxml_core.methods.lightxml.heads import ClusteredHead
from lightxml_core.methods.lightxml.settings import TableUpdates
from lightxml_core.training.optimisers import adamw

FEW, MANY = 13_330, 670_091
SIZES = (3_956, FEW, 100_000, MANY, 3_000_000)
SPARED = 2 << 30  # bytes for other programs
WIDTH, BOTTLENECK, LEAF, KEPT, BATCH, POSITIVES = 3_840, 400, 82, 75, 16, 5


def head(labels: int, row_sparse: bool) -> ClusteredHead:
    """The two heads over clusters of up to 82 labels."""
    cluster = np.arange(labels) // LEAF
    shape = (labels, int(cluster[-1]) + 1)
    clusters = sparse.csr_matrix((np.ones(labels, np.float32), (np.arange(labels), cluster)), shape=shape)
    updates: TableUpdates = "row-sparse" if row_sparse else "dense"
    return ClusteredHead(WIDTH, clusters, BOTTLENECK, KEPT, "mean", label_bias=False, updates=updates)


def measured(labels: int, row_sparse: bool) -> dict[str, Any]:
    """Median processor seconds of both heads, each alone, and the optimiser; GiB of weights, gradients and moments."""
    random, model = np.random.default_rng(1), head(labels, row_sparse)
    learnt = [*(p for p in model.parameters() if p.requires_grad), *model.blocks()]
    optimizer = adamw([{"params": learnt, "lr": 1e-4}])
    rows = torch.from_numpy(np.repeat(np.arange(BATCH), POSITIVES))
    own = torch.from_numpy(random.integers(0, labels, len(rows)))
    slots, features = model.slot_of_label[own], torch.randn(BATCH, WIDTH)
    scores = model.recall(features).detach().sigmoid()
    proposed = model.propose(scores, (rows, model.cluster_of_slot[slots])).unique()
    weights = sum(layer.weight.numel() for layer in (model.recall, model.project))
    weights += int(model.size[proposed].sum()) * BOTTLENECK

    def recall() -> None:
        model.loss(features, rows, own, stage="recall").total.backward()

    def rank() -> None:
        model.rank_loss(features, scores, rows, slots).backward()

    def optimise() -> None:
        optimizer.step()

    def forget() -> None:
        optimizer.zero_grad(set_to_none=True)

    calls = {"recall": recall, "rank": rank, "optimiser": optimise, "forget": forget}
    seconds = {name: each["cpu"] for name, each in medians(measure(calls)).items()}
    recall()
    rank()
    state = [value for entry in optimizer.state.values() for value in entry.values()]
    held = [*model.parameters(), *(p.grad for p in learnt if p.grad is not None), *state]
    gib = sum(tensor.numel() * tensor.element_size() for tensor in held) / 2**30
    size = {"labels": labels, "clusters": len(model.size), "weights": weights, "gib": gib}
    found = {**size, "row_sparse": row_sparse, **seconds}
    return {**found, "step": seconds["recall"] + seconds["rank"] + seconds["forget"]}


def available() -> int:
    """Bytes of memory that no program needs."""
    return next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemAvailable")
    )


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
    axes[0].set(xscale="log", yscale="log", xlabel="labels", ylabel="processor seconds a step of 16")
    axes[1].set(xscale="log", yscale="log", xlabel="labels", ylabel="weights, gradients, moments (GiB)")
    for axis in axes:
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
    figure.savefig(Path(__file__).parent / "label_scaling.png", dpi=150)


def main() -> None:
    found = []
    for labels in SIZES:
        for row_sparse in (False, True):
            if not row_sparse and 17 * labels * BOTTLENECK + SPARED > available():
                print(f"{labels:,} labels, dense: not measured, because there is too little memory", flush=True)
                continue
            found.append(measured(labels, row_sparse))
            print("  ".join(f"{key} {value:,.4g}" for key, value in found[-1].items()), flush=True)
            gc.collect()
    draw(found)
    for row_sparse in (False, True):
        _growth({step["labels"]: step for step in found if step["row_sparse"] == row_sparse})
    _explained({step["labels"]: step for step in found if step["row_sparse"]})
    passes = [step["optimiser"] for step in found if step["labels"] == MANY]
    report("row_sparse_optimiser", passes[1] / passes[0], None, "the pass of fused AdamW over 670,091 × 400", {})


def _growth(at: dict[int, dict[str, Any]]) -> None:
    """The step without the optimiser's pass at both sizes, and that pass."""
    few, many = at[FEW], at[MANY]
    name = "row_sparse" if few["row_sparse"] else "dense"
    parts = ", ".join(f"{part} head {many[part] / few[part]:.1f}" for part in ("recall", "rank"))
    against = f"the step at {FEW:,} labels, without the optimiser ({parts})"
    report(f"label_scaling_{name}", many["step"] / few["step"], 2.0, against, {"steps": list(at.values())})
    against = f"the rest of the step with {MANY:,} labels: the optimiser, table {name}"
    report(f"optimiser_pass_{name}", many["optimiser"] / many["step"], None, against, {"seconds": many["optimiser"]})


def _explained(at: dict[int, dict[str, Any]]) -> None:
    """What the few labels gain by being shared, and the time by the weights that a step needs; table row-sparse."""
    with patch.object(heads, "_GATHERED", 2**62), patch.object(heads, "_SCORED_WHOLE", 0):
        gathered = measured(FEW, False)
    few, many = at[FEW], at[MANY]
    against = (
        f"a step of {FEW:,} labels that gathers its candidates, without the optimiser: {MANY:,} labels, row-sparse"
    )
    report("label_scaling_to_gather", many["step"] / gathered["step"], 2.0, against, {"gathered": gathered})
    weights, seconds = (many[each] / few[each] for each in ("weights", "step"))
    against = f"the time a weight needed at {FEW:,} labels, row-sparse; {weights:.1f} times as many weights are used"
    report("label_scaling_per_weight", seconds / weights, None, against, {})


if __name__ == "__main__":
    main()
