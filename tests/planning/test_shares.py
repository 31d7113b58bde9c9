"""Cores and GPUs are divided as worked out by hand."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from lightxml_core.definitions.config import Hardware
from lightxml_core.errors import InputError
from lightxml_core.planning.shares import Shares, shares
from lightxml_core.registry.origin import Origin


def hardware(threads: int = 0, gpus: int | Literal["auto"] = "auto", together: int = 1, at_once: int = 1) -> Hardware:
    return Hardware(threads=threads, gpus=gpus, gpus_per_training=together, trainings_per_gpu=at_once)


@pytest.mark.parametrize(
    ("wanted", "visible", "cores", "expected"),
    [
        ({}, 0, 12, Shares(gpu_slots=1, trainings_per_gpu=1, processes=1, threads=12)),
        ({"threads": 5}, 0, 12, Shares(gpu_slots=2, trainings_per_gpu=1, processes=1, threads=5)),
        ({"threads": 20}, 0, 12, Shares(gpu_slots=1, trainings_per_gpu=1, processes=1, threads=20)),
        ({"together": 2, "at_once": 4}, 0, 12, Shares(gpu_slots=1, trainings_per_gpu=1, processes=1, threads=12)),
        ({}, 4, 12, Shares(gpu_slots=4, trainings_per_gpu=1, processes=1, threads=3)),
        ({"gpus": 2}, 4, 12, Shares(gpu_slots=2, trainings_per_gpu=1, processes=1, threads=6)),
        ({"gpus": 2, "at_once": 3}, 4, 12, Shares(gpu_slots=6, trainings_per_gpu=3, processes=1, threads=2)),
        ({"together": 4}, 4, 12, Shares(gpu_slots=4, trainings_per_gpu=1, processes=4, threads=3)),
        ({"at_once": 8}, 4, 12, Shares(gpu_slots=32, trainings_per_gpu=8, processes=1, threads=1)),
        ({"threads": 5}, 4, 12, Shares(gpu_slots=4, trainings_per_gpu=1, processes=1, threads=5)),
    ],
)
def test_cores_and_gpus_are_divided(wanted: dict[str, Any], visible: int, cores: int, expected: Shares) -> None:
    assert shares(hardware(**wanted), visible, cores, Origin().file_of) == expected


def test_a_training_with_more_gpus_than_there_are_is_refused() -> None:
    origin = Origin([("mine.yaml", {"hardware": {"gpus_per_training": 3}})])
    with pytest.raises(
        InputError, match=r"^mine.yaml: hardware.gpus_per_training is 3, but there are 2 GPUs: lower it$"
    ):
        shares(hardware(together=3), 2, 8, origin.file_of)
