"""The order of the tests: unit tests first in one process, the slowest modules first in several."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

from lightxml_core.training.devices import visible_gpus

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")

SLOW = (
    *("training/test_processes", "training/test_loop", "registry/test_settings", "reporting/test_report"),
    *("corpus/test_fuzz", "methods/test_lightxml", "workflow/test_baselines", "workflow/test_tutorials"),
    *("workflow/test_rules", "workflow/test_files", "workflow/test_survival"),
)
GPUS = visible_gpus()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hide the GPUs from all tests except test_gpu: others compare bytes, and sums on a GPU have no fixed order."""
    with pytest.MonkeyPatch.context() as patch:
        if GPUS and item.path.stem != "test_gpu":
            patch.setenv("CUDA_VISIBLE_DEVICES", "-1")
            patch.setattr("torch.cuda.is_available", lambda: False)
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules named above last, so that `pytest -x` finds a first mistake within seconds.

    Several processes take whole modules one after the other. They start with these, so that none waits for the last.
    """
    place = {name: number for number, name in enumerate(SLOW, 1)}
    several = "PYTEST_XDIST_WORKER" in os.environ
    items.sort(key=lambda item: place.get(f"{item.path.parent.name}/{item.path.stem}", 0), reverse=several)
