"""Oscillators of the close: RSI, stochastic RSI, MACD."""

from typing import Final

import numpy as np

from triplane.kernel.indicators.moving import (
    EMA,
    LONGEST,
    MAX_WINDOW,
    SMA,
    WILDER,
    check_window,
    ema_init,
    ema_step,
    sma_init,
    sma_step,
    wilder_init,
    wilder_step,
)
from triplane.kernel.indicators.trend import DONCHIAN, donchian_init, donchian_step
from triplane.kernel.jit import Rec, njit, record

# ------------------------------------------------------------------------------------------------------------ RSI
RSI = record([("gains", WILDER), ("losses", WILDER), ("close", "f8"), ("value", "f8")])
"""Relative strength index (Wilder 1978), 0 to 100."""


@njit
def rsi_init(s: Rec, period: int) -> None:
    """Empty an :data:`RSI`."""
    check_window("rsi", period, 1, LONGEST)
    wilder_init(s.gains, period)
    wilder_init(s.losses, period)
    s.close = np.nan
    s.value = np.nan


@njit
def rsi_step(s: Rec, close: float) -> float:
    """Add a close; return the RSI, from candle ``period`` on (counted from 0).

    As TA-Lib: a market that has not moved at all has RSI 0.
    """
    change = close - s.close
    s.close = close
    if not np.isnan(change):  # not the first
        rise = 0.5 * (abs(change) + change)  # max(change, 0), exactly, without a branch that nobody can predict
        gain = wilder_step(s.gains, rise)
        loss = wilder_step(s.losses, rise - change)
        both = gain + loss
        s.value = 100.0 * (gain / both) if both != 0.0 else 0.0
    return s.value  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------- stochastic RSI
STOCH_RSI = record([("rsi", RSI), ("window", DONCHIAN), ("smooth", SMA), ("slow", SMA), ("k", "f8"), ("d", "f8")])
"""Stochastic RSI (Chande and Kroll 1994), 0 to 100: where the RSI stands in its range, smoothed twice.

``k`` is the mean of the last ``smooth_k`` raw values and ``d`` the mean of the last ``smooth_d`` of ``k``. TA-Lib's
STOCHRSI does not smooth its fast %K: its fast %D is our ``k``, and our ``d`` is the average of that.
"""

FLAT: Final = 1e-9
"""A range of RSI values (in points) below this is none: the rest of rounding in a market that stands still."""


@njit
def stoch_rsi_init(s: Rec, rsi_period: int, period: int, smooth_k: int, smooth_d: int) -> None:
    """Empty a :data:`STOCH_RSI`, usually 14, 14, 3, 3."""
    for window in (period, smooth_k, smooth_d):
        check_window("stoch_rsi", window, 1, MAX_WINDOW)
    rsi_init(s.rsi, rsi_period)
    donchian_init(s.window, period)
    sma_init(s.smooth, smooth_k)
    sma_init(s.slow, smooth_d)
    s.k = np.nan
    s.d = np.nan


@njit
def stoch_rsi_step(s: Rec, close: float) -> float:
    """Add a close; return ``k``. ``s.rsi.value`` is the RSI beneath."""
    rsi = rsi_step(s.rsi, close)
    donchian_step(s.window, rsi, rsi)
    span = s.window.highest - s.window.lowest
    if not np.isnan(span):  # warm
        raw = 100.0 * (rsi - s.window.lowest) / span if span > FLAT else 0.0
        s.k = sma_step(s.smooth, raw)
        s.d = sma_step(s.slow, s.k)
    return s.k  # type: ignore[no-any-return]


# ----------------------------------------------------------------------------------------------------------- MACD
MACD = record(
    [("fast", EMA), ("slow", EMA), ("average", EMA), ("skip", "i8"), ("value", "f8"), ("signal", "f8"), ("hist", "f8")]
)
"""Moving average convergence divergence (Appel): fast EMA - slow EMA, its EMA, and their difference; price units."""


@njit
def macd_init(s: Rec, fast: int, slow: int, signal: int) -> None:
    """Empty a :data:`MACD`, usually 12, 26, 9."""
    for window in (fast, slow, signal):
        check_window("macd", window, 1, LONGEST)
    ema_init(s.fast, fast)
    ema_init(s.slow, slow)
    ema_init(s.average, signal)
    s.skip = slow - fast
    s.value = np.nan
    s.signal = np.nan
    s.hist = np.nan


@njit
def macd_step(s: Rec, close: float) -> None:
    """Add a close.

    As TA-Lib: the fast EMA begins ``slow - fast`` candles late, so that both are seeded at the same candle, and all
    three values begin together at candle ``slow + signal - 2`` (counted from 0).
    """
    slow = ema_step(s.slow, close)
    if s.skip > 0:
        s.skip -= 1
        return
    value = ema_step(s.fast, close) - slow
    signal = ema_step(s.average, value)
    if not np.isnan(signal):  # warm
        s.value = value
        s.signal = signal
        s.hist = value - signal
