"""Equal highs and their sweeps by hand, with swings of one bar on each side and a tolerance of 1.

Only highs are drawn: ``peaks`` puts a candle with each high between two low ones, so bars 1, 3, 5 are the swings and
each is known one bar later. Lows keep rising, so that there are no swing lows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from triplane.kernel.codes import LiquidityKind as Kind
from triplane.kernel.codes import LiquidityState as State
from triplane.kernel.patterns.liquidity import HIGH, LOW, POOLS, STAIRS, pools_init, pools_step
from triplane.kernel.patterns.swings import SWINGS, swings_init, swings_step


def peaks(*highs: float) -> list[tuple[float, float]]:
    """Return (high, close) candles with a valley before, between and after the peaks."""
    candles = [(80.0, 50.0)]
    for high in highs:
        candles += [(high, 50.0), (80.0, 50.0)]
    return candles


def run(
    candles: Sequence[tuple[float, float]], side: int = HIGH, atr: float = 1.0, tolerance: float = 1.0
) -> tuple[list[Any], list[Any], Any]:
    """Return the new pools, the ended ones and the state; ``side`` LOW turns the candles upside down."""
    swings, pools = np.zeros(1, SWINGS), np.zeros(1, POOLS)
    swings_init(swings[0], 1, 1)
    s = pools[0]
    pools_init(s, tolerance)
    new, ended = [], []
    for i, candle in enumerate(candles):
        high, close = map(float, candle)
        low = i * 1e-4
        h, lo, c = (high, low, close) if side == HIGH else (-low, -high, -close)
        swings_step(swings[0], i, i * 1000, h, lo)
        n = pools_step(s, swings[0], i, i * 1000, h, lo, c, atr)
        new += [p.copy() for p in s.new[:n]]
        ended += [p.copy() for p in s.ended[: s.n_ended]]
    return new, ended, s


#    101 |          ┃          level: the higher of the two
#    100 |   ┃      ┃
#         ┃  ┃   ┃  ┃  ┃
#     bar 0  1   2  3  4       known at 4, when the swing of bar 3 is
@pytest.mark.parametrize("side", [HIGH, LOW])
def test_two_highs_exactly_the_tolerance_apart_are_a_pool(side: int) -> None:
    (p,), ended, _ = run(peaks(100, 101), side)
    assert ended == []
    assert (p.kind, p.side, p.level, p.count, p.state) == (
        Kind.EQUAL,
        side,
        101 * side,
        2,
        State.LIVE,
    )
    assert (p.formed_at, p.formed_time, p.confirmed_at, p.confirmed_time) == (1, 1000, 4, 4000)
    assert (p.last_at, p.swept_at, p.ended_at) == (3, -1, -1)


def test_further_apart_they_are_none() -> None:
    assert run(peaks(100, 101.5))[0] == []
    assert run(peaks(101.5, 100))[0] == []


def test_the_tolerance_is_in_atrs_and_0_until_there_is_one() -> None:
    assert run(peaks(100, 101.5), atr=2.0)[0] != []
    assert run(peaks(100, 100.5), atr=float("nan"))[0] == []
    assert run(peaks(100, 100), atr=float("nan"))[0] != []


def test_a_lower_high_between_does_not_matter_and_a_much_higher_one_does() -> None:
    assert [int(p.formed_at) for p in run(peaks(100, 90, 100.5))[0]] == [1]
    assert run(peaks(100, 110, 100.5))[0] == []


def test_a_third_equal_high_below_the_level_joins_the_pool() -> None:
    new, ended, s = run(peaks(100, 101, 100.5))
    assert (len(new), ended) == (1, [])
    (p,) = (p for p in s.sides[0].steps[s.sides[0].bottom : s.sides[0].top] if p.state == State.LIVE)
    assert (p.count, p.level, p.last_at, p.confirmed_at) == (3, 101, 5, 4)


def test_a_third_equal_high_above_the_level_sweeps_the_pool_and_founds_the_next() -> None:
    new, ended, _ = run(peaks(100, 101, 101.5))
    assert [(float(p.level), int(p.formed_at), int(p.confirmed_at), int(p.count)) for p in new] == [
        (101.0, 1, 4, 2),
        (101.5, 1, 6, 3),
    ]
    assert [(int(p.state), int(p.swept_at)) for p in ended] == [(State.SWEPT, 5)]


@pytest.mark.parametrize("side", [HIGH, LOW])
@pytest.mark.parametrize(
    ("high", "close", "state"),
    [
        (101.0, 100.0, State.LIVE),  # touching the level is not passing it
        (101.1, 100.0, State.SWEPT),
        (101.1, 101.0, State.SWEPT),  # a close on the level is inside
        (101.1, 101.05, State.TAKEN),
    ],
)
def test_a_candle_at_the_level(side: int, high: float, close: float, state: int) -> None:
    _, ended, _ = run([*peaks(100, 101), (high, close)], side)
    assert [int(p.state) for p in ended] == ([] if state == State.LIVE else [state])
    for p in ended:
        assert (p.ended_at, p.ended_time, p.swept_at) == (5, 5000, 5 if state == State.SWEPT else -1)


def test_one_candle_may_sweep_several_pools_the_nearest_first() -> None:
    _, ended, _ = run([*peaks(110, 110, 100, 100), (120, 50)])
    assert [(float(p.level), int(p.state)) for p in ended] == [(100, State.SWEPT), (110, State.SWEPT)]


def test_the_oldest_swing_is_forgotten_when_there_are_too_many() -> None:
    falling = [1000.0, 1000.0, *[900.0 - 2 * n for n in range(STAIRS)]]
    new, ended, s = run(peaks(*falling), tolerance=0.5)
    assert len(new) == 1
    assert [int(p.state) for p in ended] == [State.DISPLACED]
    assert s.sides[0].top - s.sides[0].bottom == STAIRS
