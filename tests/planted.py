"""What tests of trained methods share: a planted corpus of texts, a death in mid-training, what to compare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from lightxml_core.files import save_csr
from lightxml_core.training.log import Progress

LABELS = 30


def documents(count: int, seed: int) -> tuple[list[str], sparse.csr_matrix]:
    """Texts of two to three labels each: every label has a word of its own, said twice among common words."""
    random = np.random.default_rng(seed)
    weights = 1.0 / (np.arange(LABELS) + 8)
    texts, Y = [], np.zeros((count, LABELS), np.float32)
    for row in range(count):
        chosen = random.choice(LABELS, random.integers(2, 4), replace=False, p=weights / weights.sum())
        own = [f"{'bcdfgk'[label % 6]}{'aeiou'[label // 6]}z" for label in chosen] * 2
        common = random.choice(["lorem", "ipsum", "dolor", "sit", "amet"], 6).tolist()
        texts.append(" ".join(random.permutation(own + common)))
        Y[row, chosen] = 1.0
    return texts, sparse.csr_matrix(Y)


def bytes_of(predictions: sparse.csr_matrix, folder: Path) -> bytes:
    save_csr(folder / "predictions.npz", predictions)
    return (folder / "predictions.npz").read_bytes()


def log_lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "training.jsonl").read_text(encoding="utf-8").splitlines()]


def without_times(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key != "documents_per_second"} for line in lines]


class KilledError(Exception):
    """The process dies."""


def die_at(monkeypatch: pytest.MonkeyPatch, when: int) -> None:
    """The word of progress number `when`, counted from 0 over the whole training, is the last."""
    advance: Callable[[Progress, int, str], float] = Progress.advance
    told = iter(range(10**6))

    def dying(self: Progress, count: int, note: str) -> float:
        if next(told) == when:
            raise KilledError
        return advance(self, count, note)

    monkeypatch.setattr(Progress, "advance", dying)
