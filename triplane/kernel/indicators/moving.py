"""Moving averages: exponential, Wilder's, simple, and the simple one with its standard deviation.

A moving window adds the newest value and forgets the oldest. Subtracting what is forgotten would let rounding errors
pile up for ever, so nothing is subtracted here. The ring is filled in blocks of ``period`` values. When a block is
full, it is replaced by its own suffix sums; then every window is the suffix of the last block plus the running sum of
the new one::

    last block   [ . . . s s s s ]        s: one number, already summed
    new block    [ n n n ]                n: one running sum

That is two additions a candle (amortised), its error never grows with the length of the stream, and a window of zeros
sums to exactly zero.

A step given NaN (an indicator that is not warm yet) leaves the state as it is, so indicators can be chained.
"""

from typing import Final

import numpy as np

from triplane.errors import BadInput
from triplane.kernel.jit import Arr, Rec, njit, record

MAX_WINDOW: Final = 512
"""The longest window of any indicator: rings have a fixed size inside their record."""

LONGEST: Final = 1_000_000_000
"""The longest of those that keep no ring."""


class WindowError(BadInput):
    """An indicator was asked for a window that its record has no room for."""

    def __init__(self, indicator: str, window: int, least: int, most: int) -> None:
        super().__init__(f"{indicator}_init: the window is {window}; it must be from {least} to {most}.")


@njit
def check_window(indicator: str, window: int, least: int, most: int) -> None:
    """Refuse a window that would be written past the end of a ring, or that is none."""
    if not least <= window <= most:
        raise WindowError(indicator, window, least, most)


# ---------------------------------------------------------------------------------------------------- exponential
EMA = record([("alpha", "f8"), ("period", "i8"), ("count", "i8"), ("total", "f8"), ("value", "f8")])
"""An exponential average, seeded with the simple average of its first ``period`` values."""

WILDER = EMA
"""Wilder's smoothing is the same recursion with ``alpha = 1 / period``; use :func:`wilder_init`."""


@njit
def ema_init(s: Rec, period: int) -> None:
    """Empty an :data:`EMA` with ``alpha = 2 / (period + 1)``, as TA-Lib's EMA."""
    check_window("ema", period, 1, LONGEST)
    s.alpha = 2.0 / (period + 1)
    s.period = period
    s.count = 0
    s.total = 0.0
    s.value = np.nan


@njit
def wilder_init(s: Rec, period: int) -> None:
    """Empty a :data:`WILDER` with ``alpha = 1 / period`` (Wilder 1978), as inside TA-Lib's RSI and ATR."""
    check_window("wilder", period, 1, LONGEST)
    ema_init(s, period)
    s.alpha = 1.0 / period


@njit
def ema_step(s: Rec, x: float) -> float:
    """Add ``x``; return the average, from the ``period``-th value on."""
    if np.isnan(x):
        return s.value  # type: ignore[no-any-return]
    if s.count >= s.period:
        s.value += (x - s.value) * s.alpha
        return s.value  # type: ignore[no-any-return]
    s.count += 1
    s.total += x
    if s.count == s.period:
        s.value = s.total / s.period
    return s.value  # type: ignore[no-any-return]


wilder_step = ema_step
"""Add a value to a :data:`WILDER`."""

# --------------------------------------------------------------------------------------------------------- simple
SMA = record(
    [
        ("ring", "f8", (MAX_WINDOW,)),
        ("period", "i8"),
        ("at", "i8"),  # where the next value goes
        ("warm", "i8"),
        ("scale", "f8"),  # 1 / period
        ("head", "f8"),  # sum of the new block
        ("value", "f8"),
    ]
)
"""A simple average."""


@njit
def sma_init(s: Rec, period: int) -> None:
    """Empty an :data:`SMA` of 1 to :data:`MAX_WINDOW` values."""
    check_window("sma", period, 1, MAX_WINDOW)
    s.period = period
    s.at = 0
    s.warm = 0
    s.scale = 1.0 / period
    s.head = 0.0
    s.value = np.nan


@njit
def sma_step(s: Rec, x: float) -> float:
    """Add ``x``; return the average of the last ``period`` values."""
    if np.isnan(x):
        return s.value  # type: ignore[no-any-return]
    ring = s.ring
    at = s.at
    ring[at] = x
    s.head += x
    at += 1
    if at == s.period:
        total = 0.0
        for i in range(s.period - 1, -1, -1):
            total += ring[i]
            ring[i] = total
        s.value = total * s.scale
        s.head = 0.0
        s.warm = 1
        at = 0
    elif s.warm:
        s.value = (s.head + ring[at]) * s.scale
    s.at = at
    return s.value  # type: ignore[no-any-return]


# --------------------------------------------------------------------------------------- average and deviation
DEVIATION = record(
    [
        ("ring", "f8", (MAX_WINDOW,)),
        ("squares", "f8", (MAX_WINDOW,)),
        ("period", "i8"),
        ("at", "i8"),
        ("warm", "i8"),
        ("scale", "f8"),
        ("origin", "f8"),  # what the sums are measured from
        ("head", "f8"),
        ("head_squares", "f8"),
        ("average", "f8"),
        ("sigma", "f8"),
    ]
)
"""A simple average with its population standard deviation.

Sums of squares lose digits when the values are far from zero, so they are taken of the distance from ``origin``: the
newest value of the last full block. Every window holds that very value, so the mean square is at most ``period + 1``
variances and no more than ``log2(period)`` bits are lost, whatever the level; a constant window gives exactly 0.
"""


@njit
def deviation_init(s: Rec, period: int) -> None:
    """Empty a :data:`DEVIATION` of 1 to :data:`MAX_WINDOW` values."""
    check_window("deviation", period, 1, MAX_WINDOW)
    s.period = period
    s.at = 0
    s.warm = 0
    s.scale = 1.0 / period
    s.origin = 0.0
    s.head = 0.0
    s.head_squares = 0.0
    s.average = np.nan
    s.sigma = np.nan


@njit
def deviation_step(s: Rec, x: float) -> float:
    """Add ``x``; return the standard deviation of the last ``period`` values; their mean is in ``average``."""
    if np.isnan(x):
        return s.sigma  # type: ignore[no-any-return]
    ring = s.ring
    at = s.at
    ring[at] = x
    at += 1
    if at == s.period:
        s.origin = x
        total, squares = _suffixes(ring, s.squares, s.period, x)
        s.head = 0.0
        s.head_squares = 0.0
        s.warm = 1
        at = 0
    else:
        distance = x - s.origin
        s.head += distance
        s.head_squares += distance * distance
        total = s.head + ring[at]
        squares = s.head_squares + s.squares[at]
    s.at = at
    if s.warm:
        mean = total * s.scale
        s.average = s.origin + mean
        s.sigma = np.sqrt(max(squares * s.scale - mean * mean, 0.0))
    return s.sigma  # type: ignore[no-any-return]


@njit
def _suffixes(ring: Arr, squares: Arr, period: int, origin: float) -> tuple[float, float]:
    """Replace a full block by its suffix sums of distances from ``origin`` and of their squares; return the totals."""
    total = 0.0
    total_squares = 0.0
    for i in range(period - 1, -1, -1):
        distance = ring[i] - origin
        total += distance
        total_squares += distance * distance
        ring[i] = total
        squares[i] = total_squares
    return total, total_squares
