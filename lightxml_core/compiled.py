"""Compile loops over sparse rows that numpy cannot express, by numba on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function to machine code that runs without Python's lock; cached on disk if a folder can be written."""
    try:
        return _njit(function, cache=True)
    except RuntimeError:  # no folder for the cache can be written
        return _njit(function, cache=False)


def _njit(function: Callable[..., Any], cache: bool) -> Callable[..., Any]:
    return numba.njit(function, cache=cache, nogil=True, boundscheck=False, fastmath={"reassoc", "contract", "nsz"})
