"""Things made one ahead of their use, by another thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def made_ahead(make: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """`make(item)` of each item, in order. While the caller uses one, another thread makes the next.

    An exception of `make` is raised when its result is due.
    """
    with ThreadPoolExecutor(1) as thread:
        coming: Future[R] | None = None
        for item in items:
            ready, coming = coming, thread.submit(make, item)
            if ready is not None:
                yield ready.result()
        if coming is not None:
            yield coming.result()
