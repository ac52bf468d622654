"""Market structure: breaks of the last swing (BOS) and changes of character (CHoCH).

The last confirmed, unbroken swing high and low are kept, and a trend in {0, +1, -1}. A candle closing above the swing
high breaks it, once: with trend -1 that is ``CHOCH_UP``, else ``BOS_UP``, and the trend becomes +1. Lows mirror it. A
close on the level does not break it. With ``break_on`` wick, the high (low) of the candle takes the place of its
close. A swing that is confirmed on bar ``i`` replaces the one kept before and may be broken on bar ``i`` itself; when
both sides break on one bar, up comes first.

Each event names the candle of its order block: the one with the lowest low (for a break up; the highest high for a
break down) strictly between the broken swing and the breaking bar, the first of equals. It needs no search at the
break: when a swing is kept, the at most ``right`` candles since it are looked at, and from then on each candle is
compared with the extreme so far.
"""

import numpy as np

from triplane.kernel.codes import BreakOn, StructureKind
from triplane.kernel.jit import Rec, njit, record
from triplane.kernel.patterns.strength import VOLUMES, volume_ratio, volumes_init, volumes_step
from triplane.kernel.patterns.swings import RING

STRUCTURE_EVENT = record(
    [
        ("kind", "i8"),  # StructureKind
        ("side", "i8"),  # +1 up, -1 down
        ("level", "f8"),  # price of the broken swing
        ("ref_at", "i8"),  # its bar and time
        ("ref_time", "i8"),
        ("confirmed_at", "i8"),  # the breaking bar
        ("confirmed_time", "i8"),
        ("block_at", "i8"),  # the extreme candle of the leg
        ("block_time", "i8"),
        ("block_lo", "f8"),
        ("block_hi", "f8"),
        ("block_volume_ratio", "f8"),
    ]
)
"""A BOS or CHoCH, with the candle of its order block."""

_KEPT = record(
    [
        ("sign", "i8"),  # +1 the swing high, -1 the swing low
        ("intact", "i8"),
        ("price", "f8"),
        ("at", "i8"),
        ("time", "i8"),
        ("extreme", "f8"),  # low x sign of the extreme candle since: the least so far
        ("block_at", "i8"),
        ("block_time", "i8"),
        ("block_lo", "f8"),
        ("block_hi", "f8"),
        ("block_volume_ratio", "f8"),
    ]
)

STRUCTURE = record(
    [
        ("trend", "i8"),
        ("break_on", "i8"),
        ("kept", _KEPT, (2,)),  # swing high, swing low
        ("n_events", "i8"),
        ("events", STRUCTURE_EVENT, (2,)),  # [:n_events] breaks on the bar of the last step, up first
        ("volumes", VOLUMES),
    ]
)
"""Trend, kept swings, and the breaks of this bar."""


@njit
def structure_init(s: Rec, break_on: int) -> None:
    """Start without trend or swings. ``break_on`` is ``BREAK_ON_CLOSE`` [default] or ``BREAK_ON_WICK``."""
    s.trend = 0
    s.break_on = break_on
    s.n_events = 0
    for j in range(2):
        s.kept[j].sign = 1 if j == 0 else -1
        s.kept[j].intact = 0
    volumes_init(s.volumes)


@njit
def _consider(k: Rec, bar: int, time: int, high: float, low: float, volumes: Rec, back: int) -> None:
    """Let a candle between the swing and now become the extreme, if it goes further than those before it."""
    value = low if k.sign > 0 else -high
    if value < k.extreme:
        k.extreme = value
        k.block_at = bar
        k.block_time = time
        k.block_lo = low
        k.block_hi = high
        k.block_volume_ratio = volume_ratio(volumes, back)


@njit
def _keep(k: Rec, swing: Rec, swings: Rec, volumes: Rec, i: int) -> None:
    """Keep a swing confirmed on bar ``i`` and find the extreme of the candles between."""
    k.intact = 1
    k.price = swing.price
    k.at = swing.formed_at
    k.time = swing.formed_time
    k.extreme = np.inf
    k.block_at = -1
    for bar in range(swing.formed_at + 1, i):
        at = bar & (RING - 1)
        _consider(k, bar, swings.time[at], swings.high[at], swings.low[at], volumes, i - bar)


@njit
def _break(s: Rec, k: Rec, i: int, time: int) -> None:
    e = s.events[s.n_events]
    s.n_events += 1
    if k.sign > 0:
        e.kind = StructureKind.CHOCH_UP if s.trend < 0 else StructureKind.BOS_UP
    else:
        e.kind = StructureKind.CHOCH_DN if s.trend > 0 else StructureKind.BOS_DN
    e.side = k.sign
    e.level = k.price
    e.ref_at = k.at
    e.ref_time = k.time
    e.confirmed_at = i
    e.confirmed_time = time
    e.block_at = k.block_at
    e.block_time = k.block_time
    e.block_lo = k.block_lo
    e.block_hi = k.block_hi
    e.block_volume_ratio = k.block_volume_ratio
    s.trend = k.sign
    k.intact = 0


@njit
def structure_step(s: Rec, swings: Rec, i: int, time: int, high: float, low: float, close: float, volume: float) -> int:
    """Take the closed candle ``i``, after ``swings_step`` of that candle. Returns the number of breaks: 0, 1 or 2."""
    s.n_events = 0
    volumes_step(s.volumes, volume)
    for n in range(swings.n_events):
        swing = swings.events[n]
        _keep(s.kept[0 if swing.side > 0 else 1], swing, swings, s.volumes, i)
    for j in range(2):
        k = s.kept[j]
        if k.intact != 0:
            reach = close
            if s.break_on == BreakOn.WICK:
                reach = high if j == 0 else low
            if (reach - k.price) * k.sign > 0.0:
                _break(s, k, i, time)
            else:
                _consider(k, i, time, high, low, s.volumes, 0)
    count: int = s.n_events
    return count
