"""How records are laid out. Apart from ``jit.py`` because a process that only reads rows needs no compiler."""

from typing import Any

import numpy as np


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


def overlay(size: int, fields: dict[str, tuple[Any, int]]) -> "np.dtype[Any]":
    """Make a record of ``size`` bytes from dtypes and offsets by name: other names for the same bytes.

    Fields may overlap. NumPy cannot hand such a record over as a buffer, so compiled code gets it inside an array.
    """
    for name in fields:
        if hasattr(np.void, name):
            raise ValueError(f"field {name} has the name of a method of NumPy's records; choose another")
    formats, offsets = zip(*fields.values(), strict=True)
    spec = {"names": list(fields), "formats": list(formats), "offsets": list(offsets), "itemsize": size}
    return np.dtype((np.record, np.dtype(spec, align=True)))  # type: ignore[call-overload]
