"""How far price moves: average true range, Bollinger bands, realised volatility, and the rank of today's range."""

import numpy as np

from triplane.kernel.codes import UNKNOWN
from triplane.kernel.indicators.moving import (
    DEVIATION,
    LONGEST,
    MAX_WINDOW,
    SMA,
    WILDER,
    check_window,
    deviation_init,
    deviation_step,
    sma_init,
    sma_step,
    wilder_init,
    wilder_step,
)
from triplane.kernel.jit import Rec, njit, record
from triplane.kernel.maths import log

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
    check_window("atr", period, 1, LONGEST)
    wilder_init(s.average, period)
    s.close = np.nan
    s.value = np.nan


@njit
def atr_step(s: Rec, high: float, low: float, close: float) -> float:
    """Add a candle; return the ATR.

    As TA-Lib: the first true range needs a close before it, the seed is the mean of the true ranges 1 to ``period``,
    so the first value is that of candle ``period`` (counted from 0).
    """
    if not np.isnan(s.close):  # not NaN
        s.value = wilder_step(s.average, true_range(high, low, s.close))
    s.close = close
    return s.value  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------------ Bollinger
BOLLINGER = record([("window", DEVIATION), ("width", "f8"), ("upper", "f8"), ("middle", "f8"), ("lower", "f8")])
"""Bollinger bands: the simple average of the closes and ``width`` population standard deviations around it."""


@njit
def bollinger_init(s: Rec, period: int, width: float) -> None:
    """Empty a :data:`BOLLINGER`, usually 20 and 2."""
    check_window("bollinger", period, 1, MAX_WINDOW)
    deviation_init(s.window, period)
    s.width = width
    s.upper = np.nan
    s.middle = np.nan
    s.lower = np.nan


@njit
def bollinger_step(s: Rec, close: float) -> None:
    """Add a close."""
    band = s.width * deviation_step(s.window, close)
    s.middle = s.window.average
    s.upper = s.middle + band
    s.lower = s.middle - band


# -------------------------------------------------------------------------------------------- realised volatility
REALIZED = record([("squares", SMA), ("close", "f8"), ("value", "f8")])
"""Realised volatility: the root of the mean squared log return of the last ``period`` candles.

Per candle, as a fraction, not annualised; the mean return is taken as zero, as is usual for short intervals.
"""


@njit
def realized_init(s: Rec, period: int) -> None:
    """Empty a :data:`REALIZED`."""
    check_window("realized", period, 1, MAX_WINDOW)
    sma_init(s.squares, period)
    s.close = np.nan
    s.value = np.nan


@njit
def realized_step(s: Rec, close: float) -> float:
    """Add a close; return the volatility, from candle ``period`` on (counted from 0)."""
    change = log(close / s.close)
    s.close = close
    s.value = np.sqrt(sma_step(s.squares, change * change))
    return s.value  # type: ignore[no-any-return]


# ---------------------------------------------------------------------------------------------- volatility regime

ATR_RANK = record(
    [
        ("ring", "f8", (MAX_WINDOW,)),
        ("period", "i8"),
        ("at", "i8"),
        ("warm", "i8"),
        ("limits", "f8", (3,)),  # percentiles where normal, high and extreme begin
        ("percentile", "f8"),
        ("regime", "i8"),
    ]
)
"""Where the newest ATR stands among the last ``period``, and what that is called.

The percentile is the share of the others that are lower, 0 (none) to 100 (all). The window is compared as a whole: that
takes time in proportion to ``period``, but the processor compares several values at once, and no order needs keeping.
"""


@njit
def atr_rank_init(s: Rec, period: int, normal: float, high: float, extreme: float) -> None:
    """Empty an :data:`ATR_RANK` of 2 to :data:`~triplane.kernel.indicators.moving.MAX_WINDOW` values.

    ``normal``, ``high`` and ``extreme`` are the percentiles where these regimes begin.
    """
    check_window("atr_rank", period, 2, MAX_WINDOW)
    s.period = period
    s.at = 0
    s.warm = 0
    s.limits[0] = normal
    s.limits[1] = high
    s.limits[2] = extreme
    s.percentile = np.nan
    s.regime = UNKNOWN


@njit
def atr_rank_step(s: Rec, atr: float) -> float:
    """Add an ATR; return its percentile. NaN is passed over."""
    if np.isnan(atr):
        return s.percentile  # type: ignore[no-any-return]
    ring = s.ring
    at = s.at
    lower = -int(ring[at] < atr)  # the oldest leaves; looking before storing spares the processor a stall
    for i in range(s.period):
        lower += ring[i] < atr
    ring[at] = atr
    at += 1
    if at == s.period:
        at = 0
        s.warm = 1
    s.at = at
    if s.warm:
        s.percentile = 100.0 * lower / (s.period - 1)
        s.regime = (
            int(s.percentile >= s.limits[0]) + int(s.percentile >= s.limits[1]) + int(s.percentile >= s.limits[2])
        )
    return s.percentile  # type: ignore[no-any-return]
