"""Any stretch of a generated market is the same, however it is asked for."""

from itertools import islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from triplane.data.generator import DEMO_START_MS, GeneratedMarket

symbols = st.sampled_from(["BTCUSDT", "ETHUSDT", "FOOUSDT"])


@settings(max_examples=25, deadline=None)
@given(symbols, st.integers(0, 2**40), st.integers(0, 4000), st.integers(0, 3000), st.sampled_from([1, 15, 60, 1440]))
def test_a_slice_is_a_slice_of_the_whole(symbol: str, seed: int, first: int, n: int, minutes: int) -> None:
    first, n = first // minutes, n // minutes
    market = GeneratedMarket(symbol, seed, interval_ms=60_000 * minutes)
    whole = GeneratedMarket(symbol, seed, interval_ms=60_000 * minutes).candles(0, first + n)
    assert market.candles(first, n).tobytes() == whole[first:].tobytes()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 5000))
def test_the_stream_can_begin_anywhere(seed: int, first: int) -> None:
    chunks = list(islice(GeneratedMarket("BTCUSDT", seed).chunks(first), 3))
    joined = np.concatenate(chunks)
    assert joined.tobytes() == GeneratedMarket("BTCUSDT", seed).candles(first, len(joined)).tobytes()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([3, 15, 240]))
def test_longer_timeframes_are_the_same_market(seed: int, minutes: int) -> None:
    base = GeneratedMarket("ETHUSDT", seed, DEMO_START_MS).candles(0, 2 * 1440).reshape(-1, minutes)
    bars = GeneratedMarket("ETHUSDT", seed, DEMO_START_MS, 60_000 * minutes).candles(0, 2 * 1440 // minutes)
    np.testing.assert_array_equal(bars["open"], base["open"][:, 0])
    np.testing.assert_array_equal(bars["high"], base["high"].max(axis=1))
    np.testing.assert_array_equal(bars["low"], base["low"].min(axis=1))
    np.testing.assert_array_equal(bars["close"], base["close"][:, -1])
