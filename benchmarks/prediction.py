"""The 100 best of 670,091 labels for documents already encoded, against a plain gather and two full sorts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.candidates import head
from benchmarks.harness import compare
from lightxml_core.methods.lightxml.heads import ClusteredHead
from lightxml_core.methods.transformer.inputs import SCORED_TOGETHER

WIDTH, BOTTLENECK, TOP, GATHERED = 3840, 400, 100, 64


def plain(model: ClusteredHead, features: Tensor) -> tuple[Tensor, Tensor]:
    """Every proposed label's row gathered, all scores sorted; ties to the lower label."""
    recall = model.recall(features).sigmoid()
    proposed = model.propose(recall)
    slots, real = model.slots(proposed)
    logits = torch.einsum("bkmd,bd->bkm", model.table[slots], model.project(features))
    scores = (logits.sigmoid() * recall.gather(1, proposed).unsqueeze(-1)).masked_fill(~real, -1.0).flatten(1)
    labels = model.label_of_slot[slots].flatten(1)
    by_label = torch.argsort(labels, dim=1)
    scores, labels = scores.gather(1, by_label), labels.gather(1, by_label)
    kept = torch.sort(scores, dim=1, descending=True, stable=True).indices[:, :TOP]
    return scores.gather(1, kept), labels.gather(1, kept)


def main() -> None:
    torch.manual_seed(0)
    model, features = head(BOTTLENECK, WIDTH), torch.randn(SCORED_TOGETHER, WIDTH)
    batches = features.split(GATHERED)  # each copies 2.5 GB of the table
    with torch.inference_mode():
        found: tuple[Any, Any] = model.top(features, TOP), plain(model, batches[0])
        torch.testing.assert_close(found[0][0][:GATHERED], found[1][0], rtol=1e-4, atol=1e-7)
        same = found[0][1][:GATHERED].numpy() == found[1][1].numpy()
        assert np.mean(same) > 0.99  # float sums in another order may swap two

        def ours() -> None:
            model.top(features, TOP)

        def gather() -> None:
            for batch in batches:
                plain(model, batch)

        notes = {"documents": SCORED_TOGETHER}
        compare("prediction", ours, gather, against="a plain gather and sorts", goal=0.2, notes=notes)


if __name__ == "__main__":
    main()
