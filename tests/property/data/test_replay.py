"""Merging loses nothing, orders everything, and does not depend on how the input is cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from triplane.data.candles import Candles
from triplane.data.replay import merge
from triplane.kernel.records import CANDLE


def series(minutes: list[int], symbol: int) -> Candles:
    candles = np.zeros(len(minutes), dtype=CANDLE)
    candles["open_time"] = 60_000 * np.array(minutes, dtype=np.int64)
    candles["close"] = 1000 * symbol + np.arange(len(minutes))
    return candles


minutes = st.lists(st.integers(0, 60), unique=True, max_size=40).map(sorted)


@given(st.lists(st.tuples(minutes, st.lists(st.integers(1, 40))), min_size=1, max_size=4))
def test_merge(markets: list[tuple[list[int], list[int]]]) -> None:
    whole = [series(times, k) for k, (times, _) in enumerate(markets)]
    streams = [
        iter([c for c in np.split(candles, sorted({at for at in cuts if at < len(candles)})) if len(c)])
        for candles, (_, cuts) in zip(whole, markets, strict=True)
    ]
    batches = list(merge(streams))
    assert all(len(batch) for batch in batches)
    which = np.concatenate([np.empty(0, int), *(b.which for b in batches)])
    candles = np.concatenate([np.empty(0, CANDLE), *(b.candles for b in batches)])
    keys = list(zip(candles["open_time"].tolist(), which.tolist(), strict=True))
    assert keys == sorted(keys)
    for k, expected in enumerate(whole):
        np.testing.assert_array_equal(candles[which == k], expected)
