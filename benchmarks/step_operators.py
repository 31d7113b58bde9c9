"""Operators and reads of values in one training step, counted on the CPU.

A GPU runs about one kernel per operator, and waits at each read of a value.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.counting import Counts, counting
from benchmarks.gpu_step import MINILM, TINY, VARIANTS, Case, begun

CASES = (
    Case("bert of 2 layers, flat head", TINY, 32, 16, 200, steps=3),
    Case("bert of 2 layers, clustered head", TINY, 32, 16, 200, 20, steps=3),
    Case("MiniLM's size, flat head", replace(MINILM, vocabulary=500), 128, 4, 200, steps=3),
    Case("MiniLM's size, clustered head", replace(MINILM, vocabulary=500), 128, 4, 200, 20, steps=3),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            for variant in ("plain", "fast"):
                for full in (False, True):
                    found = counted(replace(case, full=full), variant, Path(folder))
                    operators, reads = found.operators.total(), found.reads.total()
                    padding = "not padded" if full else "padded"
                    print(f"{case.name}, {variant}, {padding}: {operators} operators, {reads} reads of values")
            print(f"{case.name}: {in_layers(case, Path(folder))} of these operators are those of the encoder's layers")


def counted(case: Case, variant: str, folder: Path) -> Counts:
    """In the second step; the first one sets up the optimiser."""
    run = begun(case, VARIANTS[variant], folder).run
    first, second = (run.prepare(batch) for batch in run.task.steps(0)[:2])
    run.take(0, first)
    with counting() as counts:
        run.take(0, second)
    return counts


def in_layers(case: Case, folder: Path) -> int:
    """The number of operators in the forward and backward pass through the layers, which a compiled step compiles."""
    trial = begun(case, VARIANTS["fast"], folder)
    run, backbone = trial.run, trial.model.backbone
    encoder: Any = backbone.encoder
    batch, _ = run.prepare(run.task.steps(0)[0]).own[0]
    lower = encoder.embeddings(input_ids=batch.ids).detach().requires_grad_()
    attended = backbone._attended(batch.ids, batch.mask)
    with counting() as counts:
        backbone._layers(0, lower, attended)[-1].sum().backward()
    return counts.operators.total()


if __name__ == "__main__":
    main()
