"""All features together: each column is what its indicator says alone, and names fit records."""

from types import ModuleType

import numpy as np
import pytest
import talib

from triplane.kernel import features, timeframes
from triplane.kernel.features import FEATURE_ROW, FEATURES, features_init, features_run
from triplane.kernel.indicators import moving, oscillators, returns, trend, volatility, volume
from triplane.kernel.indicators.volatility import (
    ATR,
    ATR_RANK,
    REALIZED,
    atr_init,
    atr_rank_init,
    atr_rank_step,
    atr_step,
    realized_init,
    realized_step,
)
from triplane.kernel.indicators.volume import (
    VOLUME_RATIO,
    VWAP,
    volume_ratio_init,
    volume_ratio_step,
    vwap_init,
    vwap_step,
)
from triplane.kernel.jit import Arr, njit


def rows_of(candles: np.ndarray) -> np.ndarray:
    S = np.zeros(1, FEATURES)
    features_init(S[0])
    rows = np.zeros(len(candles), FEATURE_ROW)
    features_run(S, candles, rows)
    return rows


@njit
def run_alone(V: Arr, R: Arr, Z: Arr, A: Arr, K: Arr, candles: Arr, out: Arr) -> None:
    """Step the indicators that TA-Lib does not have, each by itself."""
    for i in range(candles.size):
        c = candles[i]
        out[0, i] = vwap_step(V[0], c)
        out[1, i] = V[0].upper
        out[2, i] = V[0].lower
        out[3, i] = volume_ratio_step(R[0], c.volume)
        out[4, i] = realized_step(Z[0], c.close)
        out[5, i] = atr_rank_step(K[0], atr_step(A[0], c.high, c.low, c.close))
        out[6, i] = K[0].regime


def test_columns_are_talibs(candles: np.ndarray) -> None:
    rows = rows_of(candles)
    high, low, close = candles["high"], candles["low"], candles["close"]
    macd, macd_signal, macd_hist = talib.MACD(close, 12, 26, 9)
    bb_upper, bb_middle, bb_lower = talib.BBANDS(close, 20, 2, 2)
    expected = {
        "ema20": talib.EMA(close, 20),
        "ema50": talib.EMA(close, 50),
        "ema200": talib.EMA(close, 200),
        "rsi14": talib.RSI(close, 14),
        "macd": macd,
        "macd_signal": macd_signal,
        "macd_hist": macd_hist,
        "atr14": talib.ATR(high, low, close, 14),
        "bb_upper": bb_upper,
        "bb_middle": bb_middle,
        "bb_lower": bb_lower,
        "stoch_rsi_k": talib.STOCHRSI(close, 14, 14, 3, 0)[1],
        "adx": talib.ADX(high, low, close, 14),
        "plus_di": talib.PLUS_DI(high, low, close, 14),
        "minus_di": talib.MINUS_DI(high, low, close, 14),
        "donchian_high": talib.MAX(high, 20),
        "donchian_low": talib.MIN(low, 20),
        "return_n": talib.ROCP(close, 20),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(rows[name], values, rtol=1e-9, atol=3e-8, err_msg=name)


def test_other_columns_are_their_indicators(candles: np.ndarray) -> None:
    states = [np.zeros(1, dtype) for dtype in (VWAP, VOLUME_RATIO, REALIZED, ATR, ATR_RANK)]
    V, R, Z, A, K = states
    vwap_init(V[0], 2.0)
    volume_ratio_init(R[0], 5, 20)
    realized_init(Z[0], 20)
    atr_init(A[0], 14)
    atr_rank_init(K[0], 100, 25.0, 75.0, 95.0)
    out = np.empty((7, len(candles)))
    run_alone(V, R, Z, A, K, candles, out)
    rows = rows_of(candles)
    names = ["vwap", "vwap_upper", "vwap_lower", "volume_ratio", "realized_vol", "atr_percentile", "volatility_regime"]
    for name, values in zip(names, out, strict=True):
        np.testing.assert_array_equal(rows[name], values, err_msg=name)


def test_a_row_has_the_names_of_the_event() -> None:
    event = "ema20 ema50 ema200 rsi14 macd macd_signal macd_hist atr14 stoch_rsi_k stoch_rsi_d vwap adx volume_ratio"
    assert set(event.split()) <= set(FEATURE_ROW.names)
    assert {"bb_upper", "bb_middle", "bb_lower"} <= set(FEATURE_ROW.names)


def records_in(module: ModuleType) -> list[np.dtype]:
    return [value for value in vars(module).values() if isinstance(value, np.dtype)]


@pytest.mark.parametrize("module", [moving, oscillators, returns, trend, volatility, volume, features, timeframes])
def test_fields_are_not_hidden_by_methods_of_numpy(module: ModuleType) -> None:
    """Without the compiler a field named ``sum`` would be NumPy's method."""
    assert records_in(module)
    for dtype in records_in(module):
        assert not set(dtype.names or ()) & set(dir(np.record)), dtype
