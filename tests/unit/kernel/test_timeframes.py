"""Aggregation: by hand, against a NumPy group-by with missing candles, and in any chunks."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triplane.data.candles import TIMEFRAMES
from triplane.kernel.jit import Arr, njit
from triplane.kernel.records import CANDLE
from triplane.kernel.timeframes import AGG, DONE, LATE, agg_init, agg_push

MINUTE = 60_000
MIDNIGHT = 1_704_067_200_000  # 2024-01-01
LENGTH = 20_000 if not numba.config.DISABLE_JIT else 3_000


@njit
def run(S: Arr, candles: Arr, known: Arr, bars: Arr) -> int:
    """Collect every bar in the order in which it became known, with the number of its candles in ``known``."""
    n = 0
    for i in range(candles.size):
        bits = agg_push(S[0], candles[i])
        if bits & LATE:
            bars[n] = S[0].late
            known[n] = S[0].late_count
            n += 1
        if bits & DONE:
            bars[n] = S[0].bar
            known[n] = S[0].done_count
            n += 1
    return n


def aggregator(timeframe: str, base: str = "1m") -> np.ndarray:
    S = np.zeros(1, AGG)
    agg_init(S[0], TIMEFRAMES[base], TIMEFRAMES[timeframe])
    return S


def collect(S: np.ndarray, candles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    bars, known = np.zeros(len(candles) + 1, CANDLE), np.zeros(len(candles) + 1, np.int64)
    n = run(S, candles, known, bars)
    return bars[:n], known[:n]


def minutes(which: np.ndarray, seed: int = 0) -> np.ndarray:
    """Candles of the minutes ``which`` after midnight."""
    rng = np.random.default_rng(seed)
    c = np.zeros(len(which), CANDLE)
    c["open_time"] = MIDNIGHT + MINUTE * which
    prices = 100 + np.sort(rng.normal(size=(len(which), 4)), axis=1)
    c["low"], c["open"], c["close"], c["high"] = prices.T
    c["volume"] = rng.integers(0, 1000, len(which))
    return c


def group(candles: np.ndarray, tf_ms: int) -> tuple[np.ndarray, np.ndarray]:
    """The same bars, all at once."""
    start = candles["open_time"] // tf_ms * tf_ms
    first = np.flatnonzero(np.diff(start, prepend=-1))
    last = np.append(first[1:], len(candles)) - 1
    bars = np.zeros(len(first), CANDLE)
    bars["open_time"] = start[first]
    bars["open"] = candles["open"][first]
    bars["high"] = np.maximum.reduceat(candles["high"], first)
    bars["low"] = np.minimum.reduceat(candles["low"], first)
    bars["close"] = candles["close"][last]
    bars["volume"] = np.add.reduceat(candles["volume"], first)
    return bars, last - first + 1


def expected(candles: np.ndarray, tf_ms: int) -> tuple[np.ndarray, np.ndarray]:
    """The bars of :func:`group` that are known to be over at the last candle."""
    bars, counts = group(candles, tf_ms)
    over = bars["open_time"] + tf_ms <= candles["open_time"][-1] + MINUTE
    return bars[over], counts[over]


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
@pytest.mark.parametrize("missing", [0.0, 0.05, 0.9])
def test_bars_equal_a_group_by(timeframe: str, missing: float) -> None:
    present = np.flatnonzero(np.random.default_rng(5).random(LENGTH) >= missing) + 7
    candles = minutes(present)
    bars, counts = collect(aggregator(timeframe), candles)
    wanted, wanted_counts = expected(candles, TIMEFRAMES[timeframe])
    np.testing.assert_array_equal(bars, wanted)
    np.testing.assert_array_equal(counts, wanted_counts)


def test_a_bar_is_seen_with_its_last_candle_and_not_before() -> None:
    S = aggregator("5m")
    assert [int(agg_push(S[0], c)) for c in minutes(np.arange(10))] == [0, 0, 0, 0, DONE] * 2


def test_a_bar_without_its_end_is_seen_when_a_later_candle_arrives() -> None:
    # minutes 0 1 2 . . | 5 6 7 8 9: at 5 the first bar is over; its last candle was minute 2
    S = aggregator("5m")
    candles = minutes(np.array([0, 1, 2, 5, 6, 7, 8, 9]))
    assert [int(agg_push(S[0], c)) for c in candles] == [0, 0, 0, LATE, 0, 0, 0, DONE]
    late = S[0].late
    assert (late.open_time, late.close, S[0].late_count) == (MIDNIGHT, candles[2]["close"], 3)
    assert (S[0].bar.open_time, S[0].bar.open, S[0].done_count) == (MIDNIGHT + 5 * MINUTE, candles[3]["open"], 5)


def test_a_candle_may_end_a_gap_and_its_own_bar() -> None:
    # minutes 0 . . . . | . . . . 9
    S = aggregator("5m")
    first, second = minutes(np.array([0, 9]))
    assert agg_push(S[0], first) == 0
    assert agg_push(S[0], second) == LATE | DONE
    assert S[0].late.close == first["close"]
    assert (S[0].bar.open_time, S[0].bar.close) == (MIDNIGHT + 5 * MINUTE, second["close"])


def test_a_day_is_a_utc_day() -> None:
    bars, counts = collect(aggregator("1d"), minutes(np.arange(24 * 60 - 1, 24 * 60 * 2)))
    assert bars["open_time"].tolist() == [MIDNIGHT, MIDNIGHT + TIMEFRAMES["1d"]]
    assert counts.tolist() == [1, 1440]


def test_the_base_timeframe_goes_straight_through() -> None:
    candles = minutes(np.array([0, 1, 5]))
    bars, counts = collect(aggregator("1m"), candles)
    np.testing.assert_array_equal(bars, candles)
    assert counts.tolist() == [1, 1, 1]


def test_bars_of_bars_are_the_same_bars() -> None:
    candles = minutes(np.flatnonzero(np.random.default_rng(2).random(3_000) < 0.7))
    quarters, _ = collect(aggregator("15m"), candles)
    twice, _ = collect(aggregator("4h", base="15m"), quarters)
    once, _ = collect(aggregator("4h"), candles)
    n = min(len(once), len(twice))
    assert n >= len(once) - 1 > 5
    np.testing.assert_array_equal(twice[:n], once[:n])


@settings(max_examples=30, deadline=None)
@given(data=st.data(), gaps=st.lists(st.integers(1, 12), min_size=2, max_size=60))
def test_stream_prefix_and_chunks_agree(data: st.DataObject, gaps: list[int]) -> None:
    candles = minutes(np.cumsum(gaps), seed=len(gaps))
    whole, _ = collect(aggregator("5m"), candles)
    cut = data.draw(st.integers(0, len(candles)))
    S = aggregator("5m")
    before, _ = collect(S, candles[:cut])
    restored = np.frombuffer(S.tobytes(), AGG).copy()
    after, _ = collect(restored, candles[cut:])
    np.testing.assert_array_equal(np.concatenate([before, after]), whole)
    np.testing.assert_array_equal(before, whole[: len(before)])
