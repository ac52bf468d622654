"""Levels of finished periods, and premium, discount and OTE, by hand."""

from typing import Any

import numpy as np
import pytest

from triplane.kernel.codes import LiquidityKind as Kind
from triplane.kernel.codes import LiquidityState as State
from triplane.kernel.patterns.liquidity import HIGH, LOW
from triplane.kernel.patterns.ranges import (
    DISCOUNT,
    LEVELS,
    PREMIUM,
    RANGE,
    levels_init,
    levels_step,
    range_init,
    range_step,
)
from triplane.kernel.patterns.swings import SWINGS, swings_init, swings_step

HOUR = 3_600_000
MONDAY = 1_672_617_600_000  # 2023-01-02 00:00 UTC


class Levels:
    """Candles of an hour, fed by their time."""

    def __init__(self) -> None:
        self.state = np.zeros(1, LEVELS)
        levels_init(self.state[0])
        self.i = 0
        self.new: list[Any] = []
        self.ended: list[Any] = []

    def feed(self, hour: float, high: float, low: float, close: float | None = None) -> None:
        """Feed the candle that opens ``hour`` hours after Monday."""
        s = self.state[0]
        middle = (high + low) / 2 if close is None else close
        n = levels_step(s, self.i, MONDAY + int(hour * HOUR), float(high), float(low), float(middle))
        self.new += [p.copy() for p in s.new[:n]]
        self.ended += [p.copy() for p in s.ended[: s.n_ended]]
        self.i += 1

    def day(self, day: int, high: float, low: float, hours: range = range(24)) -> None:
        """Feed a day whose high is reached at 06:00 and whose low at 12:00; it lies between elsewhere."""
        for h in hours:
            self.feed(day * 24 + h, high if h == 6 else high - 1, low if h == 12 else low + 1)

    def of(self, kind: int) -> list[tuple[int, float, int, int]]:
        """Return (side, level, formed_at, confirmed_at) of the new levels of this kind."""
        return [
            (int(p.side), float(p.level), int(p.formed_at), int(p.confirmed_at)) for p in self.new if p.kind == kind
        ]


def test_the_previous_day_is_known_on_the_first_candle_of_the_next() -> None:
    x = Levels()
    x.day(0, 110, 90)
    assert x.of(Kind.DAY) == []
    assert np.isnan(x.state[0].high).tolist() == [True, True, False, False, False]
    x.feed(24, 105, 95)
    assert x.of(Kind.DAY) == [(HIGH, 110, 6, 24), (LOW, 90, 12, 24)]
    assert (x.state[0].high[0], x.state[0].low[0]) == (110, 90)


def test_sessions_end_in_the_day() -> None:
    x = Levels()
    x.day(0, 110, 90)
    # asia 0..8: its high at 6, its low the first 91; london 7..15; new york 13..21 is known at 22
    assert x.of(Kind.ASIA) == [(HIGH, 110, 6, 9), (LOW, 91, 0, 9)]
    assert x.of(Kind.LONDON) == [(HIGH, 109, 7, 16), (LOW, 90, 12, 16)]
    assert x.of(Kind.NEW_YORK) == [(HIGH, 109, 13, 22), (LOW, 91, 13, 22)]


def test_the_period_in_which_the_data_begin_counts_only_if_whole() -> None:
    x = Levels()
    x.day(0, 110, 90, range(1, 24))
    x.feed(24, 105, 95)
    assert x.of(Kind.DAY) == []
    assert x.of(Kind.ASIA) == []
    assert len(x.of(Kind.LONDON)) == 2
    x.day(1, 110, 90, range(1, 24))
    x.feed(48, 105, 95)
    assert len(x.of(Kind.DAY)) == 2


def test_weeks_begin_on_monday() -> None:
    x = Levels()
    for day in range(7):
        x.day(day, 110 + day, 90)
    assert x.of(Kind.WEEK) == []
    x.feed(7 * 24, 105, 95)
    assert x.of(Kind.WEEK) == [(HIGH, 116, 6 * 24 + 6, 168), (LOW, 90, 12, 168)]


def test_a_missing_day_leaves_the_levels_of_the_one_before() -> None:
    x = Levels()
    x.day(0, 110, 90)
    x.feed(3 * 24 + 5, 105, 95)
    assert x.of(Kind.DAY) == [(HIGH, 110, 6, 24), (LOW, 90, 12, 24)]
    x.feed(4 * 24 + 5, 105, 95)
    assert x.of(Kind.DAY)[2:] == [(HIGH, 105, 24, 25), (LOW, 95, 24, 25)]


def test_the_first_candle_may_sweep_and_the_next_day_replaces() -> None:
    x = Levels()
    x.day(0, 110, 90)
    x.ended.clear()
    x.feed(24, 111, 95, 110)  # wick above the day's high, close on it
    x.feed(25, 105, 89, 89.5)  # close below the day's low
    ended = [(int(p.kind), int(p.side), int(p.state), int(p.ended_at)) for p in x.ended if p.kind == Kind.DAY]
    assert ended == [
        (Kind.DAY, HIGH, State.SWEPT, 24),
        (Kind.DAY, LOW, State.TAKEN, 25),
    ]
    y = Levels()
    y.day(0, 110, 90)
    y.day(1, 109, 91)
    y.ended.clear()
    y.feed(48, 105, 95)
    ended = [(int(p.kind), int(p.side), int(p.state), int(p.ended_at)) for p in y.ended if p.kind == Kind.DAY]
    assert ended == [
        (Kind.DAY, HIGH, State.REPLACED, 48),
        (Kind.DAY, LOW, State.REPLACED, 48),
    ]


def run_range(candles: list[tuple[float, float, float]]) -> Any:
    """Feed (high, low, close) with swings of one bar on each side and return the range."""
    swings, ranges = np.zeros(1, SWINGS), np.zeros(1, RANGE)
    swings_init(swings[0], 1, 1)
    range_init(ranges[0])
    for i, candle in enumerate(candles):
        high, low, close = map(float, candle)
        swings_step(swings[0], i, i, high, low)
        range_step(ranges[0], swings[0], close)
    return ranges[0]


# swing low 0 at bar 1, swing high 100 at bar 3: a leg up. Retracing 62..79 % of it leads to 38..21.
UP = [(50.0, 20.0, 30.0), (40.0, 0.0, 30.0), (60.0, 30.0, 50.0), (100.0, 40.0, 90.0)]


@pytest.mark.parametrize(
    ("close", "zone", "ote"),
    [(70, PREMIUM, 0), (50, 0, 0), (49.9, DISCOUNT, 0), (38.1, DISCOUNT, 0), (38, DISCOUNT, 1), (22, DISCOUNT, 1)],
)
def test_after_a_leg_up(close: float, zone: int, ote: int) -> None:
    r = run_range([*UP, (80, 10, close)])
    assert (r.low, r.low_at, r.high, r.high_at, r.leg) == (0, 1, 100, 3, 1)
    assert (r.zone, r.in_ote, r.position) == (zone, ote, close)


def test_after_a_leg_down() -> None:
    candles = [(100 - low, 100 - high, 100 - close) for high, low, close in [*UP, (80, 10, 30)]]
    r = run_range(candles)
    assert (r.leg, r.zone, r.in_ote, r.position) == (-1, PREMIUM, 1, 70)
    assert (r.ote_lo, r.ote_hi) == (62, 79)


def test_no_range_without_both_swings_or_upside_down() -> None:
    r = run_range(UP)
    assert np.isnan([r.high, r.middle, r.position]).all()
    assert (r.zone, r.leg, r.in_ote) == (0, 0, 0)
    # a swing high of 10, then everything moves above it and the swing low is 50
    r = run_range([(8, 1, 5), (10, 2, 5), (9, 3, 5), (90, 60, 70), (95, 50, 70), (99, 60, 70)])
    assert (r.high, r.low, r.leg, r.zone) == (10, 50, 0, 0)
    assert np.isnan(r.position)


def test_both_swings_on_one_bar_have_no_leg() -> None:
    r = run_range([(50, 40, 45), (100, 0, 45), (50, 40, 30)])
    assert (r.high_at, r.low_at, r.leg, r.zone, r.in_ote) == (1, 1, 0, DISCOUNT, 0)
