"""Batches made one ahead, by another thread."""

from __future__ import annotations

import threading

import pytest

from lightxml_core.training.ahead import made_ahead


def test_results_come_in_order_one_ahead_and_from_another_thread() -> None:
    made: list[int] = []
    second = threading.Event()

    def make(item: int) -> tuple[int, int]:
        made.append(item)
        if item == 1:
            second.set()
        return item, threading.get_ident()

    found = made_ahead(make, range(4))
    first = next(found)
    assert second.wait(5) and made == [0, 1], "the second is made while the first is used, the third is not"
    rest = [first, *found]
    assert [item for item, _ in rest] == [0, 1, 2, 3] and threading.get_ident() not in {by for _, by in rest}


def test_an_exception_is_raised_when_its_result_is_due() -> None:
    def make(item: int) -> int:
        return 1 // (2 - item)

    found = made_ahead(make, range(4))
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(found)
