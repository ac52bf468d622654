"""The life of a zone by hand: touches, depth, age, the ends it may have.

The zone is the demand zone 98..101 of the pair D, drawn in ``test_order_blocks.py``.
"""

from typing import Any

import numpy as np
import pytest

from triplane.kernel.codes import ZoneKind, ZoneState
from triplane.kernel.patterns.order_blocks import BLOCKS, blocks_init, blocks_step
from triplane.kernel.patterns.zones import CAPACITY, DEMAND, SUPPLY, zone_slot, zones_count

DOWN = (100.0, 101.0, 98.0, 99.0)
UP = (100.0, 108.0, 98.0, 107.0)  # body 7 of 10
D = [DOWN, UP]
AWAY = (107.0, 109.0, 105.0, 107.0)  # a doji above the zone: starts no block of its own


def mirror(candles: Any) -> Any:
    """The same candles upside down around 100."""
    return [(200 - o, 200 - lo, 200 - h, 200 - c) for o, h, lo, c in candles]


# What the next candle's range does to the zone 98..101, the candle before it being away:
#
#   low  101.5      101.0       95.0 / high 98.0     95.0 / high 97.5
#         ┃ above    ┃ touches    ┃ touches the        ┃ jumped below
#   101 ──           ╹──          ┃ far edge           ┃
#    98 ──           ──          ─╹─ close 98          ─ close 97
@pytest.mark.parametrize(
    ("candle", "touches", "percent", "state"),
    [
        ((106.0, 106.0, 101.5, 106.0), 0, 0.0, ZoneState.LIVE),
        ((106.0, 106.0, 101.0, 106.0), 1, 0.0, ZoneState.LIVE),
        ((106.0, 106.0, 100.0, 106.0), 1, 33.33, ZoneState.LIVE),
        ((106.0, 106.0, 97.0, 98.0), 1, 100.0, ZoneState.LIVE),  # a close on the far edge is not beyond it
        ((106.0, 106.0, 97.0, 97.99), 1, 100.0, ZoneState.MITIGATED),
        ((98.0, 98.0, 95.0, 98.0), 1, 100.0, ZoneState.LIVE),  # from below, touching the far edge exactly
        ((97.0, 97.5, 95.0, 97.0), 0, 100.0, ZoneState.MITIGATED),  # jumped over the zone: never inside
    ],
)
def test_what_one_candle_does_to_the_zone(
    blocks: Any, candle: tuple[float, ...], touches: int, percent: float, state: int
) -> None:
    for side, candles in ((DEMAND, [*D, AWAY, candle]), (SUPPLY, mirror([*D, AWAY, candle]))):
        z = blocks(candles, ratio=0.7)[0]
        assert z.side == side
        assert (z.touches, z.filled_percent, z.state) == (touches, percent, state)
        assert z.first_touched_at == z.last_touched_at == (3 if touches else -1)
        assert z.deepest_at == (3 if percent else -1)
        assert z.mitigated_at == z.invalid_at == (3 if state == ZoneState.MITIGATED else -1)


def test_staying_inside_since_the_confirming_candle_is_no_touch(blocks: Any) -> None:
    # bar 1 (the confirming candle) and bar 2 are inside; bar 3 is outside, bar 4 enters: the first touch.
    z = blocks([*D, (106, 106, 100, 106), AWAY, (106, 106, 100.5, 106)])[0]
    assert (z.touches, z.first_touched_at, z.filled_percent, z.deepest_at) == (1, 4, 33.33, 2)


def test_a_confirming_candle_outside_the_zone_lets_the_next_one_touch(blocks: Any) -> None:
    z = blocks([DOWN, (102, 110, 101.5, 109.5), (109, 109, 101, 109)])[0]
    assert (z.touches, z.first_touched_at) == (1, 2)


def test_two_candles_inside_are_one_touch_and_the_third_touch_ends_the_zone(blocks: Any) -> None:
    #  bar   2     3     4     5     6     7     8     9
    #       away  in    in    away  in    away  in    in       touches on 3, 6, 8
    inside = (106, 106, 100.5, 106)
    z = blocks([*D, AWAY, inside, inside, AWAY, inside, AWAY, inside, inside])[0]
    assert (z.touches, z.first_touched_at, z.last_touched_at) == (3, 3, 8)
    assert (z.state, z.invalid_at) == (ZoneState.TOUCHED_OUT, 8)


def test_a_third_touch_that_closes_beyond_is_mitigated(blocks: Any) -> None:
    inside = (106, 106, 100.5, 106)
    z = blocks([*D, AWAY, inside, AWAY, inside, AWAY, (106, 106, 90, 91)], ratio=0.7)[0]
    assert (z.touches, z.state, z.mitigated_at) == (3, ZoneState.MITIGATED, 7)


def test_no_limit_of_touches(blocks: Any) -> None:
    z = blocks([*D, *[AWAY, (106, 106, 100.5, 106)] * 9], touches=0)[0]
    assert (z.touches, z.state) == (9, ZoneState.LIVE)


def test_the_last_bar_of_its_age_still_counts(blocks: Any) -> None:
    # max_age 4: confirmed at 1, so bar 5 is its last.
    assert blocks([*D, AWAY, AWAY, AWAY], age=4)[0].state == ZoneState.LIVE
    z = blocks([*D, AWAY, AWAY, AWAY, (106, 106, 101, 106), AWAY], age=4)[0]
    assert (z.state, z.invalid_at, z.touches) == (ZoneState.TOO_OLD, 5, 1)


def test_age_ends_zones_in_the_order_of_their_age_wherever_they_lie(blocks: Any) -> None:
    # A second pair confirmed at 3 lies above the first (its near edge comes first).
    z = blocks([*D, (107, 108, 105, 106), (106, 120, 106, 119.5), *[(119.0, 120.0, 118.0, 119.0)] * 9], age=6)
    assert [(int(a.confirmed_at), int(a.invalid_at)) for a in z] == [(1, 7), (3, 9)]


def test_a_mitigated_block_lives_on_as_a_breaker_once(blocks: Any) -> None:
    # bar 3 closes at 95, under 98..101: now supply, confirmed at 3. bar 5 enters it; bar 6 closes above it: the end.
    tail = [AWAY, (106, 106, 94, 95), (95, 96, 94, 95), (95, 98, 94, 95), (95, 103, 95, 102)]
    demand, breaker = [z for z in blocks([*D, *tail], breakers=1) if z.formed_at == 0]
    assert (demand.state, demand.invalid_at) == (ZoneState.MITIGATED, 3)
    assert (breaker.kind, breaker.side, breaker.price_lo, breaker.price_hi) == (ZoneKind.BREAKER, SUPPLY, 98, 101)
    assert (breaker.confirmed_at, breaker.first_touched_at, breaker.touches) == (3, 5, 1)
    assert (breaker.state, breaker.mitigated_at) == (ZoneState.MITIGATED, 6)
    assert [z for z in blocks([*D, *tail]) if z.kind == ZoneKind.BREAKER] == []


def test_the_oldest_zone_makes_room_when_a_side_is_full() -> None:
    # Falling and rising pairs, each pair far above the one before: nothing is ever touched.
    state = np.zeros(1, BLOCKS)
    s = state[0]
    blocks_init(s, 0.7, 3, 0, 0)
    price = 100.0
    ended = []
    for i in range(2 * (CAPACITY + 3)):
        price += 20
        move = -1.0 if i % 2 == 0 else 9.0
        blocks_step(s, i, i, price, price + max(move, 0), price + min(move, 0), price + move, 1.0, 1.0)
        ended += [(int(z.serial), int(z.state), int(z.invalid_at)) for z in s.book.retired[: s.book.n_retired]]
    demand = [z for z in ended if z[1] == ZoneState.DISPLACED]
    assert demand[0] == (1, ZoneState.DISPLACED, 2 * CAPACITY + 1)
    assert len(demand) == 3
    assert zones_count(s.book, DEMAND) == CAPACITY
    nearest = s.book.sides[0].zones[zone_slot(s.book, DEMAND, 0)]
    assert nearest.confirmed_at == 2 * (CAPACITY + 3) - 1
