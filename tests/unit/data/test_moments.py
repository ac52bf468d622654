"""Candles of one time are taken together, whatever order they come in, and none waits for ever."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from triplane.data.feed import CandleBatch
from triplane.data.moments import Moments
from triplane.kernel.records import CANDLE


def batch(k: int, *minutes: int) -> CandleBatch:
    candles = np.zeros(len(minutes), CANDLE)
    candles["open_time"] = np.array(minutes) * 60_000
    candles["close"] = k
    return CandleBatch(np.full(len(minutes), k), candles)


def told(ready: CandleBatch | None) -> Any:
    return (
        []
        if ready is None
        else list(zip(ready.which.tolist(), (ready.candles["open_time"] // 60_000).tolist(), strict=True))
    )


def test_a_moment_waits_for_every_symbol():
    moments = Moments(3, grace=2.0)
    for k in (2, 0):
        moments.add(batch(k, 5), 10.0)
        assert told(moments.ready(10.0)) == []
    assert moments.due == 12.0
    moments.add(batch(1, 5), 11.0)
    assert told(moments.ready(11.0)) == [(0, 5), (1, 5), (2, 5)]
    assert moments.due == float("inf")


def test_who_is_missing_is_left_behind_and_comes_alone():
    moments = Moments(2, grace=2.0)
    moments.add(batch(0, 5), 10.0)
    assert told(moments.ready(11.9)) == []
    assert told(moments.ready(12.0)) == [(0, 5)]
    moments.add(batch(1, 5), 12.5)
    assert told(moments.ready(14.5)) == [(1, 5)]


def test_a_later_candle_says_that_the_one_before_does_not_exist():
    moments = Moments(2, grace=2.0)
    moments.add(batch(0, 5, 6), 10.0)
    moments.add(batch(1, 6), 10.0)
    assert told(moments.ready(10.0)) == [(0, 5), (0, 6), (1, 6)]


def test_everything_goes_on_when_asked():
    moments = Moments(2, grace=2.0)
    moments.add(batch(0, 5, 6), 10.0)
    assert told(moments.ready(10.0, every=True)) == [(0, 5), (0, 6)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2), st.floats(0, 1)), max_size=40))
def test_each_candle_comes_once_and_in_the_order_of_its_symbol(arrivals):
    moments, at, now, out = Moments(3, grace=1.0), [0, 0, 0], 0.0, []
    for k, n, passed in arrivals:
        now += passed
        moments.add(batch(k, *range(at[k], at[k] + n)), now)
        at[k] += n
        out += told(moments.ready(now))
    out += told(moments.ready(now + 1.0))
    assert moments.due == float("inf")
    for k in range(3):
        assert [minute for symbol, minute in out if symbol == k] == list(range(at[k]))
