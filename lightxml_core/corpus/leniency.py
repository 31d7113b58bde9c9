"""Unusual documents that a corpus may contain only if the dataset's file allows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lightxml_core.errors import InputError

SHOWN = 5


@dataclass(frozen=True)
class Leniency:
    """Kinds of documents that are refused unless the dataset's file lists the field's name under `keep`."""

    empty_texts: bool = False
    documents_without_labels: bool = False

    @staticmethod
    def of(keep: Iterable[str]) -> Leniency:
        """What the key `keep` of a dataset's file allows."""
        return Leniency(**dict.fromkeys(keep, True))


def refuse(source: Path, numbers: Sequence[int] | np.ndarray, fault: str, key: str, unit: str = "line") -> None:
    """Raise an InputError about the documents at `numbers` (counted from 1) of `source`, if there are any.

    fault: what is wrong with them, e.g. "empty text". key: the field of Leniency that would allow them.
    """
    if len(numbers) == 0:
        return
    shown = ", ".join(str(number) for number in numbers[:SHOWN]) + (", …" if len(numbers) > SHOWN else "")
    where = f"{unit}s" if len(numbers) > 1 else unit
    raise InputError(
        f"{source}: {fault} in {len(numbers)} {where} ({shown}): "
        f"correct the file, or keep such documents with `keep: [{key}]` in the dataset's file"
    )
