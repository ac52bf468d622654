"""Nothing looks ahead: what the analysis of the candles up to a bar knows, that of all candles says of it too.

Prices of the walks are whole numbers, so that equal highs, exact touches and closes on an edge come all the time.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triplane.kernel.records import CANDLE
from triplane.research.analysis import FRAMES, Analysis, AnalysisParams, analyze, collect
from triplane.research.analysis_loop import ENDED, SERIES, TABLES

DATA = Path(__file__).parents[4] / "shared" / "data" / "klines"
GROWN = ("touches", "filled_percent", "last_touched_at", "deepest_at", "last_at", "count")
"""What a pattern has more of, the longer it lives; everything else is stamped once, or never changes."""

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
params = st.fixed_dictionaries(
    {},
    optional={
        "left": st.integers(1, 6),
        "right": st.integers(1, 6),
        "break_on": st.sampled_from(["close", "wick"]),
        "min_body_ratio": st.floats(0.0, 1.0),
        "max_touches": st.integers(0, 3),
        "max_age": st.integers(0, 60),
        "breakers": st.booleans(),
        "min_gap_percent": st.floats(0.0, 1.0),
        "max_gap_age": st.integers(0, 60),
        "tolerance": st.floats(0.0, 2.0),
    },
)


def walk(seed: int, n: int, step_ms: int = 900_000) -> Any:
    """Candles of a walk, some of them impossible (a high below the close), with a hole in time now and then."""
    rng = np.random.default_rng(seed)
    candles = np.zeros(n, CANDLE)
    close = np.maximum(200 + np.cumsum(rng.integers(-4, 5, n)), 20).astype(float)
    open_ = np.concatenate(([close[0]], close[:-1])) + rng.integers(-3, 4, n) * (rng.random(n) < 0.3)
    candles["open_time"] = 1_700_000_100_000 + step_ms * (np.arange(n) + np.cumsum(rng.random(n) < 0.01) * 30)
    candles["open"], candles["close"] = np.maximum(open_, 1), close
    candles["high"] = np.maximum(open_, close) + rng.integers(0, 4, n) - 2.0 * (rng.random(n) < 0.01)
    candles["low"] = np.maximum(np.minimum(open_, close) - rng.integers(0, 4, n), 1)
    candles["volume"] = rng.integers(0, 50, n)
    return candles


def assert_same(one: Analysis, other: Analysis) -> None:
    assert len(one) == len(other)
    for name in FRAMES:
        left, right = getattr(one, name), getattr(other, name)
        assert left.dtype == right.dtype, name
        for column in left.dtype.names:
            np.testing.assert_array_equal(left[column], right[column], err_msg=f"{name}.{column}")


def assert_known(early: Analysis, late: Analysis) -> None:
    """The later analysis says of the earlier bars what the earlier one does, but for what has grown or ended since."""
    for name in FRAMES:
        before, after = (analysis.columns(name) for analysis in (early, late))
        if "confirmed_at" not in before:
            for column, values in before.items():
                np.testing.assert_array_equal(after[column][: len(early)], values, err_msg=f"{name}.{column}")
            continue
        n = len(before["confirmed_at"])
        assert (after["confirmed_at"][n:] > early.bar).all(), name
        alive = {"invalid_at", "ended_at"} & set(before)
        over = np.all([before[column] >= 0 for column in alive], axis=0) if alive else np.ones(n, bool)
        for column, values in before.items():
            then = after[column][:n]
            np.testing.assert_array_equal(then[over], values[over], err_msg=f"{name}.{column}")
            if column in GROWN:
                assert (then >= values).all(), f"{name}.{column}"
            elif column.endswith("_at"):
                assert ((then == values) | ((values == -1) & (then > early.bar))).all(), f"{name}.{column}"
            elif column not in ("state", "ended_time", "strength", "strength_fvg", "strength_untouched"):
                np.testing.assert_array_equal(then, values, err_msg=f"{name}.{column}")


@quick
@given(seed=st.integers(0, 2**32), n=st.integers(2, 400), chosen=params, data=st.data())
def test_more_candles_change_nothing_that_was_known(
    seed: int, n: int, chosen: dict[str, Any], data: st.DataObject
) -> None:
    candles = walk(seed, n)
    i = data.draw(st.integers(0, n - 2))
    assert_known(analyze(candles[: i + 1], **chosen), analyze(candles, **chosen))


@quick
@given(seed=st.integers(0, 2**32), n=st.integers(1, 400), chosen=params, data=st.data())
def test_at_a_bar_is_the_analysis_up_to_it(seed: int, n: int, chosen: dict[str, Any], data: st.DataObject) -> None:
    candles = walk(seed, n)
    i = data.draw(st.integers(0, n - 1))
    late = analyze(candles, **chosen)
    assert_same(late.at(i), analyze(candles[: i + 1], **chosen))
    assert_same(late.at(n - 1), late)
    assert_same(late.at(i).at(i // 2), late.at(i // 2))


@quick
@given(
    seed=st.integers(0, 2**32), n=st.integers(2, 400), timeframe=st.sampled_from(["5m", "15m", "1h"]), part=st.data()
)
def test_longer_bars_are_known_only_when_they_are_over(seed: int, n: int, timeframe: str, part: st.DataObject) -> None:
    candles = walk(seed, n + 120, 60_000)
    cut = part.draw(st.integers(120, n + 120))
    early = analyze(candles[:cut], timeframe)
    assert_same(analyze(candles, timeframe).at(early.bar), early)
    base_end = int(candles["open_time"][cut - 1]) + 60_000
    step = {"5m": 300_000, "15m": 900_000, "1h": 3_600_000}[timeframe]
    assert int(early.columns("candles")["open_time"][-1]) + step <= base_end


@quick
@given(seed=st.integers(0, 2**32), n=st.integers(1, 400), chosen=params, data=st.data())
def test_any_chunking_and_any_restart_is_the_same(
    seed: int, n: int, chosen: dict[str, Any], data: st.DataObject
) -> None:
    candles = walk(seed, n)
    cuts = data.draw(st.lists(st.integers(0, n), max_size=6))
    whole = collect(AnalysisParams(**chosen))
    whole.push(candles)
    pieces = collect(AnalysisParams(**chosen))
    for start, stop in pairwise([0, *sorted(cuts), n]):
        pieces.push(candles[start:stop])
        pieces.state = np.frombuffer(bytearray(pieces.state.tobytes()), SERIES)  # saved and restored
    one, other = whole.tables(), pieces.tables()
    for name in TABLES:
        assert repr(one[name].tolist()) == repr(other[name].tolist())


def read(name: str) -> pd.DataFrame:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip("no recorded candles beside the repository")
    return pd.read_parquet(path)


@pytest.mark.parametrize("name", ["spot/BTCUSDT-15m", "spot/ETHUSDT-1h", "spot/BTCUSDT-1m"])
def test_real_candles_are_never_repainted(name: str) -> None:
    frame = read(name).iloc[:12_000]
    late = analyze(frame)
    for i in (0, 1, 13, 200, 5_000, 8_641, 11_998):
        early, then = analyze(frame.iloc[: i + 1]), late.at(i)
        assert_known(early, late)
        for frame_name in FRAMES:
            pd.testing.assert_frame_equal(getattr(then, frame_name), getattr(early, frame_name), check_exact=True)


def test_a_log_that_must_be_emptied_loses_nothing() -> None:
    candles = walk(5, 30_000)
    late = analyze(candles, min_body_ratio=0.0)
    assert len(late.order_blocks) + len(late.breakers) > 2 * ENDED
    assert_known(analyze(candles[:20_001], min_body_ratio=0.0), late)
