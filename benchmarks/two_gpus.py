"""One model trained on one GPU and on two, at the shapes of `gpu_step`: documents per second of each.

`python -m benchmarks.two_gpus` needs two GPUs; `--dry` tries it with tiny shapes and two processes on the CPU.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.gpu_step import CASES, DRY, VARIANTS, begun, timed
from lightxml_core.training.processes import is_worker, launch, team


def main() -> None:
    dry = sys.argv[1:] == ["--dry"]
    if is_worker():
        _measure(dry)
    elif not dry and torch.cuda.device_count() < 2:
        print("two_gpus: not measured, because there are no two GPUs here")
    else:
        for count in (1, 2):
            launch("benchmarks.two_gpus", sys.argv[1:], count)


def _measure(dry: bool) -> None:
    """What each process does: an epoch to warm up, and one that is timed."""
    with tempfile.TemporaryDirectory() as folder:
        for case in DRY if dry else CASES:
            rate = timed(begun(case, VARIANTS["fast"], Path(folder)))
            if team().first:
                print(f"{case.name:<18} {team().size} processes {rate:9.0f} documents/s", flush=True)


if __name__ == "__main__":
    main()
