"""Rolling return: the change of the close over a number of candles."""

import numpy as np

from triplane.kernel.indicators.moving import MAX_WINDOW, check_window
from triplane.kernel.jit import Rec, njit, record

RETURN = record(
    [("ring", "f8", (MAX_WINDOW,)), ("period", "i8"), ("at", "i8"), ("warm", "i8"), ("value", "f8")],
)
"""``close / close[period candles ago] - 1``, a fraction (TA-Lib's ROCP)."""


@njit
def return_init(s: Rec, period: int) -> None:
    """Empty a :data:`RETURN` over 1 to :data:`~triplane.kernel.indicators.moving.MAX_WINDOW` candles."""
    check_window("return", period, 1, MAX_WINDOW)
    s.period = period
    s.at = 0
    s.warm = 0
    s.value = np.nan


@njit
def return_step(s: Rec, close: float) -> float:
    """Add a close; return the change, from candle ``period`` on (counted from 0)."""
    at = s.at
    if s.warm:
        s.value = (close - s.ring[at]) / s.ring[at]
    s.ring[at] = close
    at += 1
    if at == s.period:
        at = 0
        s.warm = 1
    s.at = at
    return s.value  # type: ignore[no-any-return]
