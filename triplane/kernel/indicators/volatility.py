"""How far price moves: average true range, Bollinger bands, realised volatility, and the rank of today's range."""

import numpy as np

from triplane.kernel.indicators.moving import WILDER, wilder_init, wilder_step
from triplane.kernel.jit import Rec, njit, record

# ------------------------------------------------------------------------------------------------------------ ATR
ATR = record([("average", WILDER), ("close", "f8"), ("value", "f8")])
"""Average true range (Wilder 1978), price units."""


@njit
def true_range(high: float, low: float, previous_close: float) -> float:
    """The range of a candle, with the gap from the close before it; price units."""
    return max(high, previous_close) - min(low, previous_close)


@njit
def atr_init(s: Rec, period: int) -> None:
    """Empty an :data:`ATR`."""
    wilder_init(s.average, period)
    s.close = np.nan
    s.value = np.nan


@njit
def atr_step(s: Rec, high: float, low: float, close: float) -> float:
    """Add a candle; return the ATR.

    As TA-Lib: the first true range needs a close before it, the seed is the mean of the true ranges 1 to ``period``,
    so the first value is that of candle ``period`` (counted from 0).
    """
    if s.close == s.close:  # not NaN
        s.value = wilder_step(s.average, true_range(high, low, s.close))
    s.close = close
    return s.value  # type: ignore[no-any-return]
