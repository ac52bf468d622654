"""Order blocks by hand: each border of the definition as a few candles.

The usual pair, D, makes a demand zone 98..101: a falling candle, then a rising one whose body is 7 of its 10 points.

    108 |      ┃     <- close 107
        |      █
    101 | ┃    █    <- near edge (price_hi)
        | █    █    <- 100 open of both
     98 | ┃    ┃    <- far edge (price_lo): low of candle 0
         bar 0 bar 1
"""

from typing import Any

import pytest

from triplane.kernel.codes import ZoneKind, ZoneState
from triplane.kernel.patterns.zones import DEMAND, SUPPLY

DOWN = (100.0, 101.0, 98.0, 99.0)
UP = (100.0, 108.0, 98.0, 107.0)  # body 7 of 10
D = [DOWN, UP]


def mirror(candles: Any) -> Any:
    """The same candles upside down around 100."""
    return [(200 - o, 200 - lo, 200 - h, 200 - c) for o, h, lo, c in candles]


def test_a_body_of_exactly_the_ratio_after_an_opposite_close_makes_a_block(blocks: Any) -> None:
    (z,) = blocks(D)
    assert (z.kind, z.side, z.state) == (ZoneKind.DISPLACEMENT, DEMAND, ZoneState.LIVE)
    assert (z.price_lo, z.price_hi) == (98, 101)
    assert (z.formed_at, z.confirmed_at, z.formed_time, z.confirmed_time) == (0, 1, 0, 60_000)
    assert (z.touches, z.first_touched_at, z.mitigated_at, z.invalid_at, z.ended_time) == (0, -1, -1, -1, -1)


def test_supply_is_demand_upside_down(blocks: Any) -> None:
    (z,) = blocks(mirror(D))
    assert (z.side, z.price_lo, z.price_hi) == (SUPPLY, 99, 102)


@pytest.mark.parametrize(
    "candles",
    [
        [DOWN, (100.0, 108.0, 98.0, 106.9)],  # body 6.9 of 10: too weak
        [(100.0, 101.0, 98.0, 100.0), UP],  # the candle before is a doji: it closed neither way
        [(99.0, 101.0, 98.0, 100.0), UP],  # the candle before closed the same way
        [DOWN, (100.0, 100.0, 100.0, 100.0)],  # no range, so no ratio
        [UP],  # nothing before
    ],
)
def test_no_block(blocks: Any, candles: Any) -> None:
    assert blocks(candles) == []
