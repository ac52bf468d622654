"""Swing highs and lows: pivots that are known ``right`` bars after they were made, and never taken back.

Bar ``p`` is a swing high when its high is greater than every high of the ``left`` [5] bars before it and not less
than any of the ``right`` [5] bars after it, so the first of equal highs wins. ``formed_at = p``, ``confirmed_at = p +
right``. Lows mirror it. One bar may be both.

The last candles are kept in a ring, and a pivot is judged by looking outwards from it until a bar forbids it: two or
three comparisons on an ordinary candle, ``left + right`` at most.
"""

from typing import Final

from triplane.errors import BadInput
from triplane.kernel.jit import Arr, Rec, njit, record

LEFT: Final = 5
RIGHT: Final = 5
RING: Final = 128
"""Candles kept: ``left + right`` must be less."""

SWING_HIGH: Final = 1
SWING_LOW: Final = -1

SWING = record(
    [
        ("side", "i8"),  # SWING_HIGH or SWING_LOW
        ("price", "f8"),
        ("formed_at", "i8"),
        ("confirmed_at", "i8"),
        ("formed_time", "i8"),
        ("confirmed_time", "i8"),
    ]
)
"""A confirmed swing."""

SWINGS = record(
    [
        ("left", "i8"),
        ("right", "i8"),
        ("count", "i8"),  # candles seen
        ("n_events", "i8"),
        ("events", SWING, (2,)),  # [:n_events] swings confirmed on the bar of the last step, the high first
        ("time", "i8", (RING,)),  # rings by bar & (RING - 1)
        ("high", "f8", (RING,)),
        ("low", "f8", (RING,)),
    ]
)
"""The last candles and the swings confirmed on this bar."""


@njit
def swings_init(s: Rec, left: int, right: int) -> None:
    """Start empty. ``left`` and ``right`` are at least 1 and together less than :data:`RING`; else ``BadInput``."""
    if left < 1 or right < 1 or left + right >= RING:
        raise BadInput("swings_init: left and right must be at least 1 and together less than 128.")
    s.left = left
    s.right = right
    s.count = 0
    s.n_events = 0


@njit
def _is_pivot(prices: Arr, p: int, left: int, right: int, sign: float) -> bool:
    """Whether bar ``p`` of a ring is a swing high of prices times ``sign``."""
    mask = RING - 1
    price = prices[p & mask] * sign
    k = 1
    while k <= right and prices[(p + k) & mask] * sign <= price:
        k += 1
    if k <= right:
        return False
    k = 1
    while k <= left and prices[(p - k) & mask] * sign < price:
        k += 1
    return k > left


@njit
def _emit(s: Rec, side: int, price: float, p: int, i: int, time: int) -> None:
    e = s.events[s.n_events]
    e.side = side
    e.price = price
    e.formed_at = p
    e.confirmed_at = i
    e.formed_time = s.time[p & (RING - 1)]
    e.confirmed_time = time
    s.n_events += 1


@njit
def swings_step(s: Rec, i: int, time: int, high: float, low: float) -> int:
    """Take the closed candle ``i``; bars come in order. Returns the number of swings that it confirmed."""
    at = i & (RING - 1)
    s.time[at] = time
    s.high[at] = high
    s.low[at] = low
    s.count += 1
    s.n_events = 0
    if s.count > s.left + s.right:
        p = i - s.right
        if _is_pivot(s.high, p, s.left, s.right, 1.0):
            _emit(s, SWING_HIGH, s.high[p & (RING - 1)], p, i, time)
        if _is_pivot(s.low, p, s.left, s.right, -1.0):
            _emit(s, SWING_LOW, s.low[p & (RING - 1)], p, i, time)
    n: int = s.n_events
    return n
