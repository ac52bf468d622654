"""Fair value gaps by hand. The usual three candles, G, leave 101..105 between the first's high and the third's low.

    |           ┃     low[2]  105 <- near edge
    |      █
    |      █
101 | ┃    █          high[0] 101 <- far edge
     bar 0  1   2
"""

from typing import Any

import pytest

from triplane.kernel.codes import ZoneKind, ZoneState
from triplane.kernel.patterns.zones import DEMAND, SUPPLY

G = [(100.0, 101.0, 99.0, 100.0), (100.0, 106.0, 100.0, 106.0), (106.0, 108.0, 105.0, 107.0)]


def mirror(candles: Any) -> Any:
    """The same candles upside down around 100."""
    return [(200 - o, 200 - lo, 200 - h, 200 - c) for o, h, lo, c in candles]


def test_three_candles_make_a_gap(gaps: Any) -> None:
    (z,) = gaps(G)
    assert (z.kind, z.side, z.price_lo, z.price_hi, z.state) == (ZoneKind.GAP, DEMAND, 101, 105, ZoneState.LIVE)
    assert (z.formed_at, z.confirmed_at, z.formed_time, z.confirmed_time) == (1, 2, 60_000, 120_000)
    (z,) = gaps(mirror(G))
    assert (z.side, z.price_lo, z.price_hi) == (SUPPLY, 95, 99)


@pytest.mark.parametrize(
    ("low", "percent", "n"),
    [
        (101.0, 0.0, 0),  # low[2] equals high[0]: the candles share a price, there is no gap
        (101.5, 0.0, 1),
        (101.5, 0.5, 1),  # 0.5 of close[1] = 100: exactly the least
        (101.4375, 0.5, 0),
    ],
)
def test_the_least_gap(gaps: Any, low: float, percent: float, n: int) -> None:
    candles = [(100.0, 101.0, 99.0, 100.0), (100.0, 103.0, 100.0, 100.0), (103.0, 104.0, low, 103.0)]
    assert len(gaps(candles, percent=percent)) == n
    assert len(gaps(mirror(candles), percent=percent)) == n


# Candle 3 against the gap 101..105. The candle that drew the gap ends at its edge and counts as outside.
@pytest.mark.parametrize(
    ("low", "touches", "percent", "state"),
    [
        (105.5, 0, 0.0, ZoneState.LIVE),
        (105.0, 1, 0.0, ZoneState.LIVE),  # exact touch: entered, nothing filled
        (104.0, 1, 25.0, ZoneState.LIVE),
        (104.9999, 1, 0.0, ZoneState.LIVE),  # two decimals
        (102.3, 1, 67.5, ZoneState.LIVE),
        (101.0, 1, 100.0, ZoneState.FILLED),  # the far edge itself
        (90.0, 1, 100.0, ZoneState.FILLED),
    ],
)
def test_one_later_candle(gaps: Any, low: float, touches: int, percent: float, state: int) -> None:
    candles = [*G, (107.0, 107.0, low, 107.0)]
    for z in (gaps(candles)[0], gaps(mirror(candles))[0]):
        assert (z.touches, z.filled_percent, z.state) == (touches, percent, state)
        assert z.first_touched_at == (3 if touches else -1)
        assert z.filled_at == z.invalid_at == (3 if state == ZoneState.FILLED else -1)


def test_filled_percent_never_decreases(gaps: Any) -> None:
    lows = [104.0, 104.5, 103.0, 106.0, 104.0]
    z = gaps([*G, *[(107.0, 107.0, low, 107.0) for low in lows]])[0]
    assert (z.filled_percent, z.deepest_at, z.touches, z.first_touched_at) == (50.0, 5, 2, 3)


def test_jumped_over_is_filled_without_a_touch(gaps: Any) -> None:
    z = gaps([*G, (95.0, 96.0, 90.0, 95.0)])[0]
    assert (z.state, z.filled_at, z.mitigated_at, z.touches, z.first_touched_at) == (ZoneState.FILLED, 3, 3, 0, -1)


def test_a_gap_lives_until_filled_unless_an_age_is_set(gaps: Any) -> None:
    away = (107.0, 107.5, 106.0, 107.0)
    assert gaps([*G, *[away] * 700])[0].state == ZoneState.LIVE
    z = gaps([*G, *[away] * 9], age=5)[0]
    assert (z.state, z.invalid_at) == (ZoneState.TOO_OLD, 7)


def test_strength_of_a_gap(gaps: Any) -> None:
    # close 107 is 2 above the edge, 1 ATR; the middle candle had twice the volume of the one before it.
    z = gaps(G, volumes=[4.0, 8.0, 1.0], atr=2.0)[0]
    assert z.parts.tolist() == [1.0, 2.0, 2.0, 0.0, 1.0]
    assert z.strength == 6.0
