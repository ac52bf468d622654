"""Laws of every indicator, seen through all features together.

What is known at a candle does not depend on what follows it, on how the stream is cut, or on a checkpoint between.
"""

import numba
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from triplane.kernel.features import FEATURE_ROW, FEATURES, features_init, features_run
from triplane.kernel.indicators.moving import DEVIATION, SMA, deviation_init, deviation_step, sma_init, sma_step
from triplane.kernel.records import CANDLE

HOUR = 3_600_000
COMPILED = not numba.config.DISABLE_JIT
LONGEST = 400 if COMPILED else 130
EXAMPLES = 40 if COMPILED else 10


@st.composite
def markets(draw: st.DrawFn) -> np.ndarray:
    """Some candles with jumps, flat stretches, missing candles and candles without volume."""
    n = draw(st.integers(1, LONGEST))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([0.0, 1e-6, 1e-3, 0.1]))
    level = draw(st.sampled_from([1e-5, 1.0, 3e4]))
    moves = rng.normal(size=(n, 3)) * size * (rng.random((n, 1)) < draw(st.sampled_from([0.1, 1.0])))
    candles = np.zeros(n, CANDLE)
    candles["open_time"] = HOUR * np.cumsum(rng.integers(1, 4, n))
    candles["close"] = level * np.exp(np.cumsum(moves[:, 0]))
    candles["open"] = np.concatenate([candles["close"][:1], candles["close"][:-1]])
    candles["high"] = np.maximum(candles["open"], candles["close"]) * np.exp(np.abs(moves[:, 1]))
    candles["low"] = np.minimum(candles["open"], candles["close"]) * np.exp(-np.abs(moves[:, 2]))
    candles["volume"] = np.where(rng.random(n) < 0.2, 0, np.exp(rng.normal(size=n) * 4))
    return candles


def start() -> np.ndarray:
    S = np.zeros(1, FEATURES)
    features_init(S[0])
    return S


def feed(S: np.ndarray, candles: np.ndarray) -> np.ndarray:
    rows = np.zeros(len(candles), FEATURE_ROW)
    features_run(S, candles, rows)
    return rows


@settings(max_examples=EXAMPLES, deadline=None)
@given(candles=markets(), data=st.data())
def test_any_chunks_and_checkpoints_give_the_same_bytes(candles: np.ndarray, data: st.DataObject) -> None:
    S = start()
    whole = feed(S, candles)
    T = start()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(candles)), max_size=5)))
    parts = []
    for part in np.split(candles, cuts):
        T = np.frombuffer(T.tobytes(), FEATURES).copy()
        parts.append(feed(T, part))
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert T.tobytes() == S.tobytes()


@settings(max_examples=EXAMPLES, deadline=None)
@given(candles=markets(), other=markets(), data=st.data())
def test_the_future_changes_nothing(candles: np.ndarray, other: np.ndarray, data: st.DataObject) -> None:
    t = data.draw(st.integers(0, len(candles)))
    later = other.copy()
    later["open_time"] += candles["open_time"][-1]
    altered = feed(start(), np.concatenate([candles[:t], later]))
    assert altered[:t].tobytes() == feed(start(), candles)[:t].tobytes()


@settings(max_examples=EXAMPLES, deadline=None)
@given(candles=markets())
def test_values_stay_where_they_belong(candles: np.ndarray) -> None:
    rows = feed(start(), candles)
    dust = 1e-9
    for name in ("rsi14", "stoch_rsi_k", "stoch_rsi_d", "adx", "plus_di", "minus_di", "atr_percentile"):
        known = rows[name][~np.isnan(rows[name])]
        assert ((known >= -dust) & (known <= 100 + dust)).all(), name
    for low, high in [("bb_lower", "bb_upper"), ("vwap_lower", "vwap_upper"), ("donchian_low", "donchian_high")]:
        known = ~np.isnan(rows[low])
        assert (rows[low][known] <= rows[high][known]).all(), low
    assert set(rows["volatility_regime"].tolist()) <= {-1, 0, 1, 2, 3}
    assert ((rows["volatility_regime"] == -1) == np.isnan(rows["atr_percentile"])).all()


@settings(max_examples=EXAMPLES, deadline=None)
@given(candles=markets())
def test_warm_up_lengths_are_fixed(candles: np.ndarray) -> None:
    rows = feed(start(), candles)
    first = {"ema20": 19, "ema200": 199, "rsi14": 14, "macd": 33, "macd_hist": 33, "atr14": 14, "bb_upper": 19,
             "stoch_rsi_k": 29, "stoch_rsi_d": 31, "plus_di": 14, "donchian_high": 19, "return_n": 20,
             "realized_vol": 20, "atr_percentile": 113}  # fmt: skip
    for name, index in first.items():
        np.testing.assert_array_equal(np.isnan(rows[name]), np.arange(len(rows)) < index, err_msg=name)


@settings(max_examples=60, deadline=None)
@given(
    # six decimals: the square of a price must not fall below what a float can hold
    x=arrays.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6).map(lambda v: round(v, 6))),
    period=st.integers(1, 20),
)
def test_windows_equal_their_definition(x: np.ndarray, period: int) -> None:
    assume(len(x) >= period)
    S, D = np.zeros(1, SMA), np.zeros(1, DEVIATION)
    sma_init(S[0], period)
    deviation_init(D[0], period)
    averages = np.array([sma_step(S[0], float(v)) for v in x])
    sigmas = np.array([deviation_step(D[0], float(v)) for v in x])
    windows = np.lib.stride_tricks.sliding_window_view(x, period)
    scale = np.abs(windows).max(axis=1)
    assert (np.abs(averages[period - 1 :] - windows.mean(axis=1)) <= 1e-13 * scale).all()
    exact = windows.std(axis=1)
    # sigma comes from a difference of squares that differ by no more than a factor of period + 1
    assert (np.abs(sigmas[period - 1 :] - exact) <= 1e-11 * exact + 4e-15 * scale).all()
