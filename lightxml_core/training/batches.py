"""The order of documents, which depends only on the seed and the epoch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def epoch_batches(lengths: np.ndarray, batch: int, seed: int, epoch: int, bucket: int) -> list[np.ndarray]:
    """Row positions of each batch of one epoch. Every document occurs once; the last batch may be smaller.

    lengths: int64[N] tokens per document. The documents are shuffled, each run of `bucket` batches is sorted by length,
    and the batches are shuffled again. With AmazonCat's lengths, padding then raises the number of tokens by a factor
    of 1.03 instead of 2.0. `bucket=1` is a plain shuffle.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    size = batch * bucket
    blocks = [order[start : start + size] for start in range(0, len(order), size)]
    if bucket > 1:
        blocks = [block[np.argsort(lengths[block], kind="stable")] for block in blocks]
    batches = [block[start : start + batch] for block in blocks for start in range(0, len(block), batch)]
    if bucket > 1:
        batches = [batches[i] for i in random.permutation(len(batches))]
    return batches


def step_groups(micro_batches: int, accumulate: int, off_by_one: bool) -> list[range]:
    """The micro-batches of each optimiser step of an epoch.

    `off_by_one` is the released code's condition `step % accumulate == 0`: the first step has a single micro-batch.
    Micro-batches that remain at the end of an epoch form a smaller step here. The released code carries them over into
    the first step of the next epoch.
    """
    first = 1 if off_by_one else accumulate
    edges = [0, *range(first, micro_batches, accumulate), micro_batches]
    return [range(a, b) for a, b in pairwise(edges) if b > a]
