"""Unit tests first, so that `pytest -x` tells a first mistake within seconds; whole workflows and browsers last."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")

SLOW = (
    *("test_processes", "test_training_loop", "test_lightxml_method", "test_fuzz", "test_tutorials"),
    *("test_reporting_browser", "test_workflow_baselines", "test_workflow", "test_survival"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules named above behind all others, in that order."""
    place = {name: number for number, name in enumerate(SLOW, 1)}
    items.sort(key=lambda item: place.get(item.path.stem, 0))
