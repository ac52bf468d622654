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

from triplane.kernel.jit import Rec, njit, record

MAX_WINDOW: Final = 512
"""The longest window of any indicator: rings have a fixed size inside their record."""

# ---------------------------------------------------------------------------------------------------- exponential
EMA = record([("alpha", "f8"), ("period", "i8"), ("count", "i8"), ("total", "f8"), ("value", "f8")])
"""An exponential average, seeded with the simple average of its first ``period`` values."""

WILDER = EMA
"""Wilder's smoothing is the same recursion with ``alpha = 1 / period``; use :func:`wilder_init`."""


@njit
def ema_init(s: Rec, period: int) -> None:
    """Empty an :data:`EMA` with ``alpha = 2 / (period + 1)``, as TA-Lib's EMA."""
    s.alpha = 2.0 / (period + 1)
    s.period = period
    s.count = 0
    s.total = 0.0
    s.value = np.nan


@njit
def wilder_init(s: Rec, period: int) -> None:
    """Empty a :data:`WILDER` with ``alpha = 1 / period`` (Wilder 1978), as inside TA-Lib's RSI and ATR."""
    ema_init(s, period)
    s.alpha = 1.0 / period


@njit
def ema_step(s: Rec, x: float) -> float:
    """Add ``x``; return the average, from the ``period``-th value on."""
    if x != x:  # noqa: PLR0124 - the fastest test for NaN
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
