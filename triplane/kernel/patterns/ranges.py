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

from triplane.kernel.jit import Rec, njit, record
from triplane.kernel.patterns.liquidity import (
    DAY,
    HIGH,
    LIQUIDITY,
    LIVE_POOL,
    LOW,
    NO_POOL,
    REPLACED,
    liquidity_end,
    liquidity_fate,
)

PERIODS: Final = ("day", "week", "asia", "london", "new_york")
_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY

_PERIOD = record(
    [
        ("every", "i8"),  # ms from one opening to the next
        ("lasts", "i8"),  # ms
        ("opens", "i8"),  # the window that is open, or the next
        ("closes", "i8"),
        ("whole", "i8"),  # the data reach back to its opening
        ("candles", "i8"),
        ("levels", LIQUIDITY, (2,)),  # high and low of the last finished window; NO_POOL = none, or ended
        ("running", LIQUIDITY, (2,)),  # of the open window so far
    ]
)

LEVELS = record(
    [
        ("started", "i8"),
        ("serial", "i8"),
        ("n_new", "i8"),
        ("n_ended", "i8"),
        ("high", "f8", (5,)),  # of the last finished window, by PERIODS; NaN until known
        ("low", "f8", (5,)),
        ("new", LIQUIDITY, (10,)),  # [:n_new] levels that became known on the bar of the last step
        ("ended", LIQUIDITY, (20,)),  # [:n_ended] levels swept, taken or replaced on it
        ("periods", _PERIOD, (5,)),
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
def _period_init(p: Rec, every: int, first: int, lasts: int) -> None:
    p.every = every
    p.lasts = lasts
    p.opens = first
    p.closes = first + lasts
    p.whole = 0
    p.candles = 0
    for side in range(2):
        p.levels[side].state = NO_POOL


@njit
def levels_init(s: Rec) -> None:
    """Start without levels."""
    s.started = 0
    s.serial = 0
    s.n_new = 0
    s.n_ended = 0
    for j in range(5):
        s.high[j] = np.nan
        s.low[j] = np.nan
    _period_init(s.periods[0], _DAY, 0, _DAY)
    _period_init(s.periods[1], _WEEK, 4 * _DAY, _WEEK)  # 1970-01-05 was a Monday
    _period_init(s.periods[2], _DAY, 0, 9 * _HOUR)
    _period_init(s.periods[3], _DAY, 7 * _HOUR, 9 * _HOUR)
    _period_init(s.periods[4], _DAY, 13 * _HOUR, 9 * _HOUR)


@njit
def _leave(s: Rec, level: Rec, state: int, i: int, time: int) -> None:
    """Report the end of a level."""
    liquidity_end(level, state, i, time)
    s.ended[s.n_ended] = level
    s.n_ended += 1
    level.state = NO_POOL


@njit
def _publish(s: Rec, j: int, i: int, time: int) -> None:
    """Make the high and low of the window that has just finished the levels of their kind."""
    p = s.periods[j]
    for side in range(2):
        if p.levels[side].state == LIVE_POOL:
            _leave(s, p.levels[side], REPLACED, i, time)
        p.levels[side] = p.running[side]
        level = p.levels[side]
        s.serial += 1
        level.serial = s.serial
        level.kind = DAY + j
        level.side = HIGH if side == 0 else LOW
        level.state = LIVE_POOL
        level.confirmed_at = i
        level.confirmed_time = time
        level.last_at = level.formed_at
        level.count = 1
        level.swept_at = -1
        level.ended_at = -1
        level.ended_time = -1
        s.new[s.n_new] = level
        s.n_new += 1
    s.high[j] = p.levels[0].level
    s.low[j] = p.levels[1].level


@njit
def _roll(s: Rec, j: int, i: int, time: int) -> None:
    """Close the window that is over, and go to the one that is open at ``time`` or opens next."""
    p = s.periods[j]
    if p.whole != 0 and p.candles > 0:
        _publish(s, j, i, time)
    windows = (time - p.closes) // p.every + 1
    p.opens += windows * p.every
    p.closes = p.opens + p.lasts
    p.candles = 0
    p.whole = 1 if s.started != 0 or time <= p.opens else 0


@njit
def _extend(p: Rec, i: int, time: int, high: float, low: float) -> None:
    """Add a candle to the open window."""
    h = p.running[0]
    if p.candles == 0 or high > h.level:
        h.level = high
        h.formed_at = i
        h.formed_time = time
    b = p.running[1]
    if p.candles == 0 or low < b.level:
        b.level = low
        b.formed_at = i
        b.formed_time = time
    p.candles += 1


@njit
def levels_step(s: Rec, i: int, time: int, high: float, low: float, close: float) -> int:
    """Take the closed candle ``i`` that opened at ``time`` (ms UTC, from 1970 on). Returns the number of new levels."""
    s.n_new = 0
    s.n_ended = 0
    for j in range(5):
        p = s.periods[j]
        if time >= p.closes:
            _roll(s, j, i, time)
        if time >= p.opens:
            _extend(p, i, time, high, low)
        if p.levels[0].state == LIVE_POOL:
            fate = liquidity_fate(p.levels[0].level, high, close)
            if fate != LIVE_POOL:
                _leave(s, p.levels[0], fate, i, time)
        if p.levels[1].state == LIVE_POOL:
            fate = liquidity_fate(-p.levels[1].level, -low, -close)
            if fate != LIVE_POOL:
                _leave(s, p.levels[1], fate, i, time)
    s.started = 1
    count: int = s.n_new
    return count


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
