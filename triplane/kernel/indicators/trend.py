"""Direction and its strength: highest and lowest of a window (Donchian channel), and Wilder's directional movement."""

import numpy as np

from triplane.kernel.indicators.moving import LONGEST, MAX_WINDOW, WILDER, check_window, wilder_init, wilder_step
from triplane.kernel.indicators.volatility import true_range
from triplane.kernel.jit import Rec, njit, record

# ------------------------------------------------------------------------------------------------------- Donchian
DONCHIAN = record(
    [
        ("highs", "f8", (MAX_WINDOW,)),
        ("lows", "f8", (MAX_WINDOW,)),
        ("period", "i8"),
        ("at", "i8"),
        ("warm", "i8"),
        ("head_high", "f8"),
        ("head_low", "f8"),
        ("highest", "f8"),
        ("lowest", "f8"),
    ]
)
"""The highest high and lowest low of the last ``period`` candles, the newest included (price units).

The window is kept in blocks with suffix extremes, as the sums in :mod:`~triplane.kernel.indicators.moving` are: two
comparisons a candle (amortised) and no queue. For a break-out, read the fields before the step.
"""


@njit
def donchian_init(s: Rec, period: int) -> None:
    """Empty a :data:`DONCHIAN` of 1 to :data:`~triplane.kernel.indicators.moving.MAX_WINDOW` candles."""
    check_window("donchian", period, 1, MAX_WINDOW)
    s.period = period
    s.at = 0
    s.warm = 0
    s.head_high = -np.inf
    s.head_low = np.inf
    s.highest = np.nan
    s.lowest = np.nan


@njit
def donchian_step(s: Rec, high: float, low: float) -> None:
    """Add a candle; ``highest`` and ``lowest`` are NaN for the first ``period - 1`` candles. NaN is passed over."""
    if np.isnan(high):
        return
    highs = s.highs
    lows = s.lows
    at = s.at
    highs[at] = high
    lows[at] = low
    s.head_high = max(s.head_high, high)
    s.head_low = min(s.head_low, low)
    at += 1
    if at == s.period:
        s.highest = s.head_high
        s.lowest = s.head_low
        for i in range(s.period - 2, -1, -1):
            highs[i] = max(highs[i], highs[i + 1])
            lows[i] = min(lows[i], lows[i + 1])
        s.head_high = -np.inf
        s.head_low = np.inf
        s.warm = 1
        at = 0
    elif s.warm:
        s.highest = max(s.head_high, highs[at])
        s.lowest = min(s.head_low, lows[at])
    s.at = at


# ------------------------------------------------------------------------------------------------------------ ADX
ADX = record(
    [
        ("average", WILDER),  # of DX
        ("keep", "f8"),  # 1 - 1 / period
        ("period", "i8"),
        ("count", "i8"),  # candles after the first
        ("high", "f8"),
        ("low", "f8"),
        ("close", "f8"),
        ("ranges", "f8"),  # smoothed sums
        ("ups", "f8"),
        ("downs", "f8"),
        ("plus_di", "f8"),
        ("minus_di", "f8"),
        ("value", "f8"),
    ]
)
"""Average directional index with +DI and -DI (Wilder 1978), 0 to 100."""


@njit
def adx_init(s: Rec, period: int) -> None:
    """Empty an :data:`ADX`; ``period`` is at least 2."""
    check_window("adx", period, 2, LONGEST)
    wilder_init(s.average, period)
    s.keep = 1.0 - 1.0 / period
    s.period = period
    s.count = -1
    s.ranges = 0.0
    s.ups = 0.0
    s.downs = 0.0
    s.plus_di = np.nan
    s.minus_di = np.nan
    s.value = np.nan


@njit
def adx_step(s: Rec, high: float, low: float, close: float) -> float:
    """Add a candle; return the ADX.

    As TA-Lib: the first ``period - 1`` movements are summed, then smoothed, so both DI begin at candle ``period``; ADX
    is seeded with the mean of ``period`` DX and begins at candle ``2 * period - 1`` (counted from 0). A market that has
    not moved at all has DI 0 and no DX.
    """
    if s.count >= 0:
        up = high - s.high
        down = s.low - low
        if s.count >= s.period - 1:
            s.ranges *= s.keep
            s.ups *= s.keep
            s.downs *= s.keep
        s.ranges += true_range(high, low, s.close)
        s.ups += up if up > max(down, 0.0) else 0.0
        s.downs += down if down > max(up, 0.0) else 0.0
    s.count += 1
    s.high = high
    s.low = low
    s.close = close
    if s.count >= s.period:
        _direct(s)
    return s.value  # type: ignore[no-any-return]


@njit
def _direct(s: Rec) -> None:
    """Bring the directional indicators and their average up to date."""
    if s.ranges <= 0.0:
        s.plus_di = 0.0
        s.minus_di = 0.0
        return
    scale = 100.0 / s.ranges
    s.plus_di = s.ups * scale
    s.minus_di = s.downs * scale
    moved = s.ups + s.downs
    if moved > 0.0:
        s.value = wilder_step(s.average, 100.0 * abs(s.ups - s.downs) / moved)
