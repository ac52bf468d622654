"""How kernel functions are compiled.

Every kernel function is written in the Numba subset of Python and marked with :func:`njit`. Nothing is cached here:
Numba's file cache does not notice a change in a function that *another* file defines, so only the generated driver
modules (see ``triplane.strategies.compiler``) are cached, under a name that holds a hash of all sources.
``NUMBA_DISABLE_JIT=1`` turns every kernel into ordinary Python with the same results.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

Rec: TypeAlias = Any
"""One NumPy record, passed by reference. (Numba decides the type; there is nothing for mypy to know.)"""

Arr: TypeAlias = Any
"""A NumPy array, of records or of numbers."""

OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
"""The options of every compiled function: IEEE division (x/0 = inf), no GIL. Never ``fastmath``: results are exact."""


def njit(function: F) -> F:
    """Compile ``function`` for flat records; the same code runs as plain Python under ``NUMBA_DISABLE_JIT=1``."""
    compiled: F = numba.njit(**OPTIONS)(function)
    return compiled


def record(fields: list[Any]) -> "np.dtype[Any]":
    """Make an aligned record dtype whose elements allow attribute access with and without the compiler.

    Parameters
    ----------
    fields
        ``(name, dtype)`` or ``(name, dtype, shape)``, as for :class:`numpy.dtype`; records may be nested.

    Raises
    ------
    ValueError
        A name that NumPy's own records have as a method: without the compiler it would hide the field.
    """
    for name, *_ in fields:
        if hasattr(np.void, name):
            raise ValueError(f"field {name} has the name of a method of NumPy's records; choose another")
    return np.dtype((np.record, np.dtype(fields, align=True)))
