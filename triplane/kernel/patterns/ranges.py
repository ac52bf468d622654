"""Where price stands: levels of the previous day, week and sessions, and premium, discount and OTE of the last range.

**Levels.** The high and low of the last *finished* day, week (from Monday) and session; days and sessions are in UTC.
A level is known on the first candle that opens at or after the end of its period, and replaces the one before; that
candle may sweep it already. ``formed_at`` is the bar of the extreme (the first of equals). A candle belongs to the
period in which it opens. The period in which the data begin counts only if they begin with it; one without any candle
leaves the level of the one before. Sweeps are those of ``liquidity.py``.

=========  ================================================
session    hours, UTC
=========  ================================================
asia       00:00 .. 09:00
london     07:00 .. 16:00
new_york   13:00 .. 22:00
=========  ================================================

**Range.** Between the last confirmed swing low and swing high, broken or not: below its middle is *discount*, above
it *premium*. The optimal trade entry (OTE) is a retracement of 62 to 79 % (both included) of the later leg. There is
no range until both swings are known, nor while the low is not below the high.
"""

from typing import Final

import numpy as np

from triplane.kernel.codes import LiquidityKind, LiquidityState
from triplane.kernel.jit import Arr, Rec, njit, record
from triplane.kernel.patterns.liquidity import HIGH, LIQUIDITY, LOW, liquidity_end, liquidity_fate, liquidity_new

PERIODS: Final = ("day", "week", "asia", "london", "new_york")
_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY

LEVELS = record(
    [
        ("started", "i8"),
        ("turn", "i8"),  # the next time at which a window opens or closes
        ("serial", "i8"),
        ("n_new", "i8"),
        ("n_ended", "i8"),
        ("high", "f8", (5,)),  # of the last finished window, by PERIODS; NaN until known
        ("low", "f8", (5,)),
        ("live_high", "f8", (5,)),  # the same while it is live, else an infinity that no candle passes
        ("live_low", "f8", (5,)),
        ("top", "f8", (5,)),  # of the window that is open; -inf before its first candle, +inf while none is open
        ("bottom", "f8", (5,)),  # the same with the signs turned
        ("top_at", "i8", (5,)),
        ("top_time", "i8", (5,)),
        ("bottom_at", "i8", (5,)),
        ("bottom_time", "i8", (5,)),
        ("every", "i8", (5,)),  # ms from one opening to the next
        ("lasts", "i8", (5,)),  # ms
        ("opens", "i8", (5,)),  # the window that is open, or the next
        ("whole", "i8", (5,)),  # the data reach back to its opening
        ("highs", LIQUIDITY, (5,)),
        ("lows", LIQUIDITY, (5,)),
        ("new", LIQUIDITY, (10,)),  # [:n_new] levels that became known on the bar of the last step
        ("ended", LIQUIDITY, (20,)),  # [:n_ended] levels swept, taken or replaced on it
    ]
)
"""Levels of the last finished periods."""

DISCOUNT: Final = -1
PREMIUM: Final = 1

RANGE = record(
    [
        ("high", "f8"),  # NaN until known
        ("low", "f8"),
        ("high_at", "i8"),
        ("low_at", "i8"),
        ("middle", "f8"),  # the next four are NaN without a range
        ("position", "f8"),  # of the close: 0 at the low, 100 at the high, beyond outside
        ("ote_lo", "f8"),
        ("ote_hi", "f8"),
        ("zone", "i8"),  # DISCOUNT, PREMIUM, 0 in the very middle or without a range
        ("leg", "i8"),  # +1 the high came after the low, -1 before, 0 on the same bar or without a range
        ("in_ote", "i8"),
    ]
)
"""The last range and where the close stands in it."""


@njit
def _period_init(s: Rec, j: int, every: int, first: int, lasts: int) -> None:
    s.every[j] = every
    s.lasts[j] = lasts
    s.opens[j] = first
    s.whole[j] = 0
    s.high[j] = np.nan
    s.low[j] = np.nan
    s.live_high[j] = np.inf
    s.live_low[j] = -np.inf
    s.top[j] = np.inf
    s.bottom[j] = -np.inf


@njit
def levels_init(s: Rec) -> None:
    """Start without levels."""
    s.started = 0
    s.turn = 0
    s.serial = 0
    s.n_new = 0
    s.n_ended = 0
    _period_init(s, 0, _DAY, 0, _DAY)
    _period_init(s, 1, _WEEK, 4 * _DAY, _WEEK)  # 1970-01-05 was a Monday
    _period_init(s, 2, _DAY, 0, 9 * _HOUR)
    _period_init(s, 3, _DAY, 7 * _HOUR, 9 * _HOUR)
    _period_init(s, 4, _DAY, 13 * _HOUR, 9 * _HOUR)


@njit
def _leave(s: Rec, level: Rec, state: int, i: int, time: int) -> None:
    """Report the end of a level."""
    liquidity_end(level, state, i, time)
    s.ended[s.n_ended] = level
    s.n_ended += 1


@njit
def _announce(s: Rec, level: Rec, j: int, side: int, price: float, at: int, at_time: int, i: int, time: int) -> None:
    """Make a level known."""
    liquidity_new(level, LiquidityKind.DAY + j, side, price, at, at_time, i, time)
    s.serial += 1
    level.serial = s.serial
    level.state = LiquidityState.LIVE
    s.new[s.n_new] = level
    s.n_new += 1


@njit
def _publish(s: Rec, j: int, i: int, time: int) -> None:
    """Make the high and low of the window that has just finished the levels of their kind."""
    if s.live_high[j] != np.inf:
        _leave(s, s.highs[j], LiquidityState.REPLACED, i, time)
    if s.live_low[j] != -np.inf:
        _leave(s, s.lows[j], LiquidityState.REPLACED, i, time)
    _announce(s, s.highs[j], j, HIGH, s.top[j], s.top_at[j], s.top_time[j], i, time)
    _announce(s, s.lows[j], j, LOW, s.bottom[j], s.bottom_at[j], s.bottom_time[j], i, time)
    s.high[j] = s.top[j]
    s.low[j] = s.bottom[j]
    s.live_high[j] = s.top[j]
    s.live_low[j] = s.bottom[j]


@njit
def _turn(s: Rec, i: int, time: int) -> None:
    """Close the windows that are over and open those that begin."""
    s.turn = time + _WEEK
    for j in range(5):
        closes = s.opens[j] + s.lasts[j]
        if time >= closes:
            if s.whole[j] != 0 and abs(s.top[j]) != np.inf:
                _publish(s, j, i, time)
            s.opens[j] += ((time - closes) // s.every[j] + 1) * s.every[j]
            s.whole[j] = s.started
            s.top[j] = np.inf
            s.bottom[j] = -np.inf
        if s.started == 0 and time <= s.opens[j]:
            s.whole[j] = 1
        if time >= s.opens[j] and s.top[j] == np.inf:
            s.top[j] = -np.inf
            s.bottom[j] = np.inf
        s.turn = min(s.turn, s.opens[j] if time < s.opens[j] else s.opens[j] + s.lasts[j])
    s.started = 1


@njit
def levels_step(s: Rec, i: int, time: int, high: float, low: float, close: float) -> int:
    """Take the closed candle ``i`` that opened at ``time`` (ms UTC, from 1970 on). Returns the number of new levels."""
    s.n_new = 0
    s.n_ended = 0
    if time >= s.turn:
        _turn(s, i, time)
    for j in range(5):
        if high > s.top[j]:
            s.top[j] = high
            s.top_at[j] = i
            s.top_time[j] = time
        if low < s.bottom[j]:
            s.bottom[j] = low
            s.bottom_at[j] = i
            s.bottom_time[j] = time
        if high > s.live_high[j]:
            _leave(s, s.highs[j], liquidity_fate(s.live_high[j], high, close), i, time)
            s.live_high[j] = np.inf
        if low < s.live_low[j]:
            _leave(s, s.lows[j], liquidity_fate(-s.live_low[j], -low, -close), i, time)
            s.live_low[j] = -np.inf
    count: int = s.n_new
    return count


@njit
def levels_live(s: Rec, out: Arr) -> int:
    """Copy the live levels into ``out`` (room for 10), in the order of ``PERIODS``, the high before the low."""
    n = 0
    for j in range(5):
        if s.live_high[j] != np.inf:
            out[n] = s.highs[j]
            n += 1
        if s.live_low[j] != -np.inf:
            out[n] = s.lows[j]
            n += 1
    return n


@njit
def range_init(s: Rec) -> None:
    """Start without a range."""
    s.high = np.nan
    s.low = np.nan
    s.high_at = -1
    s.low_at = -1
    _no_range(s)


@njit
def _no_range(s: Rec) -> None:
    s.middle = np.nan
    s.position = np.nan
    s.ote_lo = np.nan
    s.ote_hi = np.nan
    s.zone = 0
    s.leg = 0
    s.in_ote = 0


@njit
def range_step(s: Rec, swings: Rec, close: float) -> None:
    """Take the close of a candle, after ``swings_step`` of that candle."""
    for n in range(swings.n_events):
        swing = swings.events[n]
        if swing.side > 0:
            s.high = swing.price
            s.high_at = swing.formed_at
        else:
            s.low = swing.price
            s.low_at = swing.formed_at
    if swings.n_events > 0:
        _no_range(s)
        size = s.high - s.low
        if size > 0.0:
            s.middle = s.low + size / 2.0
            s.leg = 1 if s.high_at > s.low_at else (-1 if s.high_at < s.low_at else 0)
            if s.leg > 0:
                s.ote_lo = s.high - 0.79 * size
                s.ote_hi = s.high - 0.62 * size
            elif s.leg < 0:
                s.ote_lo = s.low + 0.62 * size
                s.ote_hi = s.low + 0.79 * size
    if s.high > s.low:
        s.position = (close - s.low) / (s.high - s.low) * 100.0
        s.zone = DISCOUNT if close < s.middle else (PREMIUM if close > s.middle else 0)
        s.in_ote = 1 if s.ote_lo <= close <= s.ote_hi else 0
