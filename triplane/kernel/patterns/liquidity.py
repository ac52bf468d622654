"""Liquidity: pools of orders above equal highs and below equal lows, and the sweeps that take them.

Two or more confirmed swing highs are *equal* when they lie within ``tolerance`` [0.1] ATRs, the ATR being that of the
bar that confirms the newest of them (0 while it is not warm: then only identical highs are equal). Their pool is
known from that bar; its ``level`` is their extreme, ``formed_at`` the bar of the first of them. An earlier swing
counts for as long as no later swing high has gone past it by more than the tolerance. A further equal high joins a
live pool and changes only its count; one that goes past the level has ended that pool on its own bar, and may found
the next one.

A later candle whose wick passes the level ends the pool: it is *swept* when the candle closes back inside (a close on
the level is inside), else *taken*. Lows mirror highs.

The swings that may still find an equal form a falling staircase (each later one that remains is lower), so each swing
is put on it and taken off it once; a candle costs one comparison a side.
"""

from typing import Final

import numpy as np

from triplane.kernel.codes import LiquidityKind, LiquidityState
from triplane.kernel.jit import Arr, Rec, njit, record

TOLERANCE: Final = 0.1
STAIRS: Final = 256
"""Swings remembered of one side. When one more comes, the oldest is forgotten; a pool there ends as ``displaced``."""

HIGH: Final = 1
LOW: Final = -1


LIQUIDITY = record(
    [
        ("serial", "i8"),  # running number in its detector, from 1
        ("level", "f8"),
        ("formed_at", "i8"),
        ("formed_time", "i8"),
        ("confirmed_at", "i8"),
        ("confirmed_time", "i8"),
        ("last_at", "i8"),  # bar of the newest swing in it
        ("count", "i8"),  # swings in it
        ("swept_at", "i8"),  # -1: not, or not yet
        ("ended_at", "i8"),
        ("ended_time", "i8"),
        ("kind", "i1"),  # LiquidityKind
        ("side", "i1"),  # HIGH or LOW
        ("state", "i1"),  # LiquidityState
    ]
)
"""A level where orders are supposed to rest."""

_SIDE = record(
    [
        ("sign", "i8"),
        ("bottom", "i8"),  # steps bottom .. top-1 by number & (STAIRS - 1); the top is the one nearest to price
        ("top", "i8"),
        ("live", "f8"),  # level x sign of the nearest live pool, inf when there is none
        ("steps", LIQUIDITY, (STAIRS,)),  # lone swings and ended pools have the state NO_POOL
    ]
)

POOLS = record(
    [
        ("tolerance", "f8"),
        ("serial", "i8"),
        ("n_new", "i8"),
        ("n_ended", "i8"),
        ("new", LIQUIDITY, (2,)),  # [:n_new] pools confirmed on the bar of the last step
        ("ended", LIQUIDITY, (2 * STAIRS + 2,)),  # [:n_ended] pools swept, taken or displaced on it
        ("sides", _SIDE, (2,)),  # highs, lows
    ]
)
"""Live pools of equal highs and lows, and what happened to them on this bar."""


@njit
def pools_init(s: Rec, tolerance: float) -> None:
    """Start empty. ``tolerance`` [0.1] in ATRs."""
    s.tolerance = tolerance
    s.serial = 0
    s.n_new = 0
    s.n_ended = 0
    for j in range(2):
        b = s.sides[j]
        b.sign = HIGH if j == 0 else LOW
        b.bottom = 0
        b.top = 0
        b.live = np.inf


@njit
def liquidity_new(p: Rec, kind: int, side: int, price: float, at: int, at_time: int, i: int, time: int) -> None:
    """Make a level that was formed at the bar ``at`` and is known from bar ``i`` on; it is not live yet."""
    p.serial = 0
    p.kind = kind
    p.side = side
    p.state = LiquidityState.NONE
    p.level = price
    p.formed_at = at
    p.formed_time = at_time
    p.confirmed_at = i
    p.confirmed_time = time
    p.last_at = at
    p.count = 1
    p.swept_at = -1
    p.ended_at = -1
    p.ended_time = -1


@njit
def liquidity_end(p: Rec, state: int, i: int, time: int) -> None:
    """Stamp the end of a level."""
    p.state = state
    p.ended_at = i
    p.ended_time = time
    if state == LiquidityState.SWEPT:
        p.swept_at = i


@njit
def liquidity_fate(level: float, reach: float, close: float) -> int:
    """What a candle that reaches this far does to a level above it: nothing (``LIVE_POOL``), ``SWEPT`` or ``TAKEN``."""
    if reach <= level:
        return LiquidityState.LIVE
    return LiquidityState.SWEPT if close <= level else LiquidityState.TAKEN


@njit
def _refresh(b: Rec) -> None:
    """Find the nearest live pool of a side again."""
    b.live = np.inf
    k = b.top - 1
    while k >= b.bottom:
        p = b.steps[k & (STAIRS - 1)]
        if p.state == LiquidityState.LIVE:
            b.live = p.level * b.sign
            return
        k -= 1


@njit
def _end(s: Rec, p: Rec, state: int, i: int, time: int) -> None:
    """Report the end of a pool; its step stays as a lone swing."""
    liquidity_end(p, state, i, time)
    s.ended[s.n_ended] = p
    s.n_ended += 1
    p.state = LiquidityState.NONE


@njit
def _sweep(s: Rec, b: Rec, i: int, time: int, reach: float, close: float) -> None:
    """End the live pools of a side whose level the candle passed."""
    k = b.top - 1
    while k >= b.bottom:
        p = b.steps[k & (STAIRS - 1)]
        fate = liquidity_fate(p.level * b.sign, reach, close)
        if fate == LiquidityState.LIVE:
            break
        if p.state == LiquidityState.LIVE:
            _end(s, p, fate, i, time)
        k -= 1
    _refresh(b)


@njit
def _step_up(s: Rec, b: Rec, swing: Rec, i: int, time: int) -> None:
    """Put a swing on the staircase, as its top."""
    if b.top - b.bottom == STAIRS:
        oldest = b.steps[b.bottom & (STAIRS - 1)]
        if oldest.state == LiquidityState.LIVE:
            _end(s, oldest, LiquidityState.DISPLACED, i, time)
        b.bottom += 1
    p = b.steps[b.top & (STAIRS - 1)]
    b.top += 1
    liquidity_new(p, LiquidityKind.EQUAL, b.sign, swing.price, swing.formed_at, swing.formed_time, i, time)


@njit
def _join(s: Rec, b: Rec, swing: Rec, tolerance: float, i: int, time: int) -> None:
    """Let a new swing find its equals, going up the staircase from the step nearest to price."""
    price = swing.price * b.sign
    while b.top > b.bottom and b.steps[(b.top - 1) & (STAIRS - 1)].level * b.sign < price - tolerance:
        b.top -= 1
    level = price
    count = 1
    formed_at = swing.formed_at
    formed_time = swing.formed_time
    while b.top > b.bottom:
        p = b.steps[(b.top - 1) & (STAIRS - 1)]
        if p.level * b.sign > price + tolerance:
            break
        count += p.count
        if p.state == LiquidityState.LIVE:
            p.count = count
            p.last_at = swing.formed_at
            return
        level = max(level, p.level * b.sign)
        formed_at = p.formed_at
        formed_time = p.formed_time
        b.top -= 1
    _step_up(s, b, swing, i, time)
    if count > 1:
        p = b.steps[(b.top - 1) & (STAIRS - 1)]
        s.serial += 1
        p.serial = s.serial
        p.state = LiquidityState.LIVE
        p.level = level * b.sign
        p.formed_at = formed_at
        p.formed_time = formed_time
        p.count = count
        s.new[s.n_new] = p
        s.n_new += 1
    _refresh(b)


@njit
def pools_step(s: Rec, swings: Rec, i: int, time: int, high: float, low: float, close: float, atr: float) -> int:
    """Take the closed candle ``i``, after ``swings_step`` of that candle.

    Returns
    -------
    int
        Pools confirmed by this candle, in ``s.new``; those that it ended are in ``s.ended[:s.n_ended]``.
    """
    s.n_new = 0
    s.n_ended = 0
    if high > s.sides[0].live:
        _sweep(s, s.sides[0], i, time, high, close)
    if -low > s.sides[1].live:
        _sweep(s, s.sides[1], i, time, -low, -close)
    if swings.n_events > 0:
        tolerance = s.tolerance * atr if atr > 0.0 else 0.0
        for n in range(swings.n_events):
            swing = swings.events[n]
            _join(s, s.sides[0 if swing.side > 0 else 1], swing, tolerance, i, time)
    count: int = s.n_new
    return count


@njit
def pools_live(s: Rec, out: Arr) -> int:
    """Copy the live pools into ``out`` (room for 2 x :data:`STAIRS`): highs, then lows, the nearest to price first."""
    n = 0
    for j in range(2):
        b = s.sides[j]
        for k in range(b.top - 1, b.bottom - 1, -1):
            p = b.steps[k & (STAIRS - 1)]
            if p.state == LiquidityState.LIVE:
                out[n] = p
                n += 1
    return n
