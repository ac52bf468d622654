"""Volume: session VWAP with deviation bands, and volume against its usual size."""

from typing import Final

import numpy as np

from triplane.kernel.indicators.moving import MAX_WINDOW, SMA, check_window, sma_init, sma_step
from triplane.kernel.jit import Rec, njit, record

DAY: Final = 86_400_000

# ----------------------------------------------------------------------------------------------------------- VWAP
VWAP = record(
    [
        ("session_end", "i8"),  # ms
        ("width", "f8"),  # of the bands, in standard deviations
        ("volume", "f8"),  # of the session so far
        ("spread", "f8"),  # sum of volume x squared distance from the VWAP
        ("value", "f8"),
        ("upper", "f8"),
        ("lower", "f8"),
    ]
)
"""Volume-weighted average of the typical price since 00:00 UTC, with bands of ``width`` weighted standard deviations.

Average and spread are updated by West's method (1979), which neither sums squares nor subtracts large numbers. NaN
while the session has no volume. The first session of a stream begins with its first candle.
"""


@njit
def vwap_init(s: Rec, width: float) -> None:
    """Empty a :data:`VWAP`."""
    s.session_end = np.iinfo(np.int64).min
    s.width = width
    s.volume = 0.0
    s.spread = 0.0
    s.value = np.nan
    s.upper = np.nan
    s.lower = np.nan


@njit
def vwap_step(s: Rec, c: Rec) -> float:
    """Add a candle (:data:`~triplane.kernel.records.CANDLE`); return the session's VWAP."""
    if c.open_time >= s.session_end:
        s.session_end = c.open_time - c.open_time % DAY + DAY
        s.volume = 0.0
        s.spread = 0.0
        s.value = np.nan
        s.upper = np.nan
        s.lower = np.nan
    if c.volume > 0.0:
        typical = (c.high + c.low + c.close) / 3.0
        before = s.value if s.volume > 0.0 else typical
        s.volume += c.volume
        distance = typical - before
        s.value = before + distance * (c.volume / s.volume)
        s.spread += c.volume * distance * (typical - s.value)
        band = s.width * np.sqrt(s.spread / s.volume)
        s.upper = s.value + band
        s.lower = s.value - band
    return s.value  # type: ignore[no-any-return]


# --------------------------------------------------------------------------------------------------- volume ratio
VOLUME_RATIO = record([("fast", SMA), ("slow", SMA), ("value", "f8")])
"""Mean volume of the last few candles over the mean of many; 1 is usual. NaN when there was no volume at all."""


@njit
def volume_ratio_init(s: Rec, fast: int, slow: int) -> None:
    """Empty a :data:`VOLUME_RATIO`; ``fast`` is shorter than ``slow``."""
    for window in (fast, slow):
        check_window("volume_ratio", window, 1, MAX_WINDOW)
    sma_init(s.fast, fast)
    sma_init(s.slow, slow)
    s.value = np.nan


@njit
def volume_ratio_step(s: Rec, volume: float) -> float:
    """Add a candle's volume; return the ratio."""
    fast = sma_step(s.fast, volume)
    slow = sma_step(s.slow, volume)
    s.value = fast / slow if slow != 0.0 else np.nan
    return s.value  # type: ignore[no-any-return]
