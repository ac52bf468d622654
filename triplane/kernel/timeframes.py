"""Higher timeframes: candles of a base timeframe gathered into longer bars on UTC boundaries.

Bars start at multiples of their length since 1970-01-01 00:00 UTC, so a 1d bar is a UTC day. A bar is shown only when
it is over, which becomes known in one of two ways: its last base candle closes, or (when candles are missing at its
end) a candle of a later bar arrives. A bar with candles missing inside is made of those that came; a bar without any
candle does not exist. Candles must come in the order of their time, each once.

A strategy that wants a second timeframe keeps an :data:`AGG` in its state and feeds it its own bars::

    known = agg_push(s.hours, bar)
    if known & LATE:
        ema_step(s.trend, s.hours.late.close)
    if known & DONE:
        ema_step(s.trend, s.hours.bar.close)
"""

from typing import Final

from triplane.kernel.jit import Rec, njit, record
from triplane.kernel.records import CANDLE

LATE: Final = 1
"""The bar before, which lacks candles at its end, is over: it is in ``AGG.late`` and comes before this candle."""
DONE: Final = 2
"""The bar that holds this candle is over with it: it is in ``AGG.bar``."""

AGG = record(
    [
        ("base_ms", "i8"),
        ("tf_ms", "i8"),
        ("end", "i8"),  # ms; of the bar that is open now, or was last
        ("count", "i8"),  # base candles in the open bar; 0 = none is open
        ("done_count", "i8"),  # base candles in `bar`
        ("late_count", "i8"),  # base candles in `late`
        ("open_bar", CANDLE),  # not over yet: not for strategies
        ("bar", CANDLE),
        ("late", CANDLE),
    ]
)
"""The aggregation of one symbol to one timeframe."""


@njit
def agg_init(s: Rec, base_ms: int, tf_ms: int) -> None:
    """Empty an :data:`AGG` from ``base_ms`` to ``tf_ms``, a multiple of it (milliseconds)."""
    s.base_ms = base_ms
    s.tf_ms = tf_ms
    s.end = 0
    s.count = 0
    s.done_count = 0
    s.late_count = 0


@njit
def agg_push(s: Rec, c: Rec) -> int:
    """Add the base candle ``c``; return what is known now.

    Returns
    -------
    int
        Bits: :data:`LATE`, :data:`DONE`, both (the candle ends a gap and its own bar), or 0.
    """
    if s.tf_ms == s.base_ms:
        s.bar = c
        s.done_count = 1
        return DONE
    known = 0
    if s.count == 0 or c.open_time >= s.end:
        if s.count > 0:
            s.late = s.open_bar
            s.late_count = s.count
            known = LATE
        s.open_bar = c
        s.open_bar.open_time = c.open_time - c.open_time % s.tf_ms
        s.end = s.open_bar.open_time + s.tf_ms
        s.count = 1
    else:
        s.open_bar.high = max(s.open_bar.high, c.high)
        s.open_bar.low = min(s.open_bar.low, c.low)
        s.open_bar.close = c.close
        s.open_bar.volume += c.volume
        s.count += 1
    if c.open_time + s.base_ms >= s.end:
        s.bar = s.open_bar
        s.done_count = s.count
        s.count = 0
        known |= DONE
    return known
