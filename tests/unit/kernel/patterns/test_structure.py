"""Breaks of structure by hand, with swings of one bar on each side.

Candles are given as (high, low, close).
"""

from typing import Any

import numpy as np

from triplane.kernel.codes import BreakOn, ZoneKind, ZoneState
from triplane.kernel.codes import StructureKind as Kind
from triplane.kernel.patterns.order_blocks import BLOCKS, blocks_init, blocks_on_break, blocks_step
from triplane.kernel.patterns.structure import STRUCTURE, structure_init, structure_step
from triplane.kernel.patterns.swings import SWINGS, swings_init, swings_step
from triplane.kernel.patterns.zones import DEMAND, SUPPLY

#   high  10 12 11 11 13
#   low    8  9  7  8 10     bar 1 is a swing high, known at 2; bar 2 a swing low, known at 3
#   close  9 11  8 10 12.5   bar 4 closes above 12
RISE = [(10.0, 8.0, 9.0), (12.0, 9.0, 11.0), (11.0, 7.0, 8.0), (11.0, 8.0, 10.0), (13.0, 10.0, 12.5)]


def run(candles: Any, break_on: int = BreakOn.CLOSE) -> tuple[list[Any], Any]:
    """Return the events and the final state."""
    swings, structure = np.zeros(1, SWINGS), np.zeros(1, STRUCTURE)
    swings_init(swings[0], 1, 1)
    structure_init(structure[0], break_on)
    events = []
    for i, candle in enumerate(candles):
        high, low, close = map(float, candle)
        swings_step(swings[0], i, i * 1000, high, low)
        n = structure_step(structure[0], swings[0], i, i * 1000, high, low, close, 1.0 + i)
        events += [e.copy() for e in structure[0].events[:n]]
    return events, structure[0]


def mirror(candles: Any) -> Any:
    """The same candles upside down around 10."""
    return [(20 - low, 20 - high, 20 - close) for high, low, close in candles]


def kinds(candles: Any, break_on: int = BreakOn.CLOSE) -> list[tuple[int, int, int]]:
    """Return (kind, ref_at, confirmed_at) of each event."""
    return [(int(e.kind), int(e.ref_at), int(e.confirmed_at)) for e in run(candles, break_on)[0]]


def test_a_close_above_the_swing_high_breaks_it_once() -> None:
    (e,), s = run([*RISE, (14.0, 12.0, 13.0)])
    assert (e.kind, e.side, e.level, e.ref_at, e.ref_time) == (Kind.BOS_UP, 1, 12, 1, 1000)
    assert (e.confirmed_at, e.confirmed_time) == (4, 4000)
    assert s.trend == 1


def test_down_mirrors_up() -> None:
    (e,), s = run(mirror(RISE))
    assert (e.kind, e.level, s.trend) == (Kind.BOS_DN, 8, -1)


def test_the_block_is_the_lowest_candle_between() -> None:
    (e,), _ = run(RISE)
    assert (e.block_at, e.block_time, e.block_lo, e.block_hi) == (2, 2000, 7, 11)
    assert e.block_volume_ratio == 3.0 / 1.5  # volumes 1, 2 before the 3
    # neither the swing's own low nor the breaking candle's counts, and the first of equals wins
    candles = [(10, 8, 9), (12, 1, 11), (11, 7, 8), (11, 7, 10), (13, 0, 12.5)]
    (e,), _ = run(candles)
    assert e.block_at == 2


def test_a_close_on_the_level_does_not_break_it() -> None:
    assert kinds([*RISE[:4], (13.0, 10.0, 12.0)]) == []


def test_a_wick_breaks_only_if_asked() -> None:
    candles = [*RISE[:4], (13.0, 10.0, 11.0)]
    assert kinds(candles) == []
    assert kinds(candles, BreakOn.WICK) == [(Kind.BOS_UP, 1, 4)]
    assert kinds(mirror(candles), BreakOn.WICK) == [(Kind.BOS_DN, 1, 4)]
    assert kinds([*RISE[:4], (12.0, 10.0, 11.0)], BreakOn.WICK) == []


def test_against_the_trend_it_is_a_change_of_character() -> None:
    # After the break up, bar 5 falls through the swing low of bar 2 and bar 7 rises through the high of bar 4.
    candles = [*RISE, (11.0, 5.0, 6.0), (10.0, 6.0, 9.0), (15.0, 8.0, 14.0)]
    assert kinds(candles) == [
        (Kind.BOS_UP, 1, 4),
        (Kind.CHOCH_DN, 2, 5),
        (Kind.CHOCH_UP, 4, 7),
    ]
    assert kinds(mirror(candles)) == [
        (Kind.BOS_DN, 1, 4),
        (Kind.CHOCH_UP, 2, 5),
        (Kind.CHOCH_DN, 4, 7),
    ]


def test_a_new_swing_replaces_the_one_before() -> None:
    # The swing high 12 of bar 1 gives way to 11.5 of bar 3 when that is confirmed at 4; bar 5 breaks the new one.
    candles = [*RISE[:3], (11.5, 8.0, 10.0), (11.0, 8.5, 10.0), (12.5, 9.0, 11.6)]
    assert kinds(candles) == [(Kind.BOS_UP, 3, 5)]


def test_when_both_sides_break_on_one_bar_up_comes_first() -> None:
    # Bar 4 spans both swings with its wicks.
    assert kinds([*RISE[:4], (13.0, 6.0, 9.0)], BreakOn.WICK) == [
        (Kind.BOS_UP, 1, 4),
        (Kind.CHOCH_DN, 2, 4),
    ]


def test_a_break_leaves_a_structure_block_and_credits_what_it_confirmed() -> None:
    for candles, side in ((RISE, DEMAND), (mirror(RISE), SUPPLY)):
        (event,), _ = run(candles)
        blocks = np.zeros(1, BLOCKS)
        s = blocks[0]
        blocks_init(s, 0.5, 3, 500, 0)
        opens = [c[2] + side for c in candles[:4]] + [candles[4][2] - 2 * side]  # four against, then one with the break
        for i, ((high, low, close), open_) in enumerate(zip(candles, opens, strict=True)):
            blocks_step(s, i, i, open_, high, low, close, 1.0, 1.0)
        assert s.book.serial == 1  # the displacement block of the breaking candle
        high, low, close = candles[4]
        blocks_on_break(s, 4, 4, high, low, close, 1.0, event)
        zones = s.book.sides[0 if side > 0 else 1].zones
        first, second = (z for z in zones if z.state == ZoneState.LIVE)
        assert first.parts[3] == 2.0
        assert (second.kind, second.side, second.formed_at, second.confirmed_at) == (ZoneKind.STRUCTURE, side, 2, 4)
        assert (second.price_lo, second.price_hi) == ((7, 11) if side > 0 else (9, 13))
        assert second.parts.tolist() == [1.5, 2.0, 0.0, 2.0, 1.0]
