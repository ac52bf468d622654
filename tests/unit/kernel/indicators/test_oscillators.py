"""Oscillators against TA-Lib and by hand.

Differences from TA-Lib:

* RSI: TA-Lib calls an average movement of less than 1e-14 none; ours has to be exactly none. Both say 0 then.
* MACD: none.
* Stochastic RSI: TA-Lib's STOCHRSI does not smooth its %K. Its fast %D (3) is our %K, the mean of three of that our %D.
  Where the RSI stands still, TA-Lib divides rounding by rounding; ours says 0 below a range of 1e-9 points. TA-Lib's
  running sum leaves about 1e-11 where three raw values are 0; ours leaves 0, so values near 0 are compared absolutely.
"""

import numpy as np
import pytest
import talib

from triplane.kernel.indicators.oscillators import (
    MACD,
    RSI,
    STOCH_RSI,
    macd_init,
    macd_step,
    rsi_init,
    rsi_step,
    stoch_rsi_init,
    stoch_rsi_step,
)
from triplane.kernel.jit import Arr, njit


@njit
def run_rsi(S: Arr, x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[i] = rsi_step(S[0], x[i])


@njit
def run_macd(S: Arr, x: Arr, out: Arr) -> None:
    for i in range(x.size):
        macd_step(S[0], x[i])
        out[0, i] = S[0].value
        out[1, i] = S[0].signal
        out[2, i] = S[0].hist


@njit
def run_stoch_rsi(S: Arr, x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[0, i] = stoch_rsi_step(S[0], x[i])
        out[1, i] = S[0].d


def rsi(x: np.ndarray, period: int) -> np.ndarray:
    S = np.zeros(1, RSI)
    rsi_init(S[0], period)
    out = np.empty(len(x))
    run_rsi(S, np.asarray(x, dtype=float), out)
    return out


def macd(x: np.ndarray, fast: int, slow: int, signal: int) -> np.ndarray:
    S = np.zeros(1, MACD)
    macd_init(S[0], fast, slow, signal)
    out = np.empty((3, len(x)))
    run_macd(S, np.asarray(x, dtype=float), out)
    return out


def stoch_rsi(x: np.ndarray) -> np.ndarray:
    S = np.zeros(1, STOCH_RSI)
    stoch_rsi_init(S[0], 14, 14, 3, 3)
    out = np.empty((2, len(x)))
    run_stoch_rsi(S, np.asarray(x, dtype=float), out)
    return out


@pytest.mark.parametrize("period", [2, 14, 30])
def test_rsi_is_talibs(candles: np.ndarray, period: int) -> None:
    # one tick is a change of at least 1e-7 of the level, so the last digit of a small RSI is worth 1e-9
    np.testing.assert_allclose(rsi(candles["close"], period), talib.RSI(candles["close"], period), rtol=1e-9)


def test_rsi_by_hand() -> None:
    # changes +2, -1, then +3: gains 1, then 2; losses 0.5, then 0.25
    np.testing.assert_allclose(rsi(np.array([10, 12, 11, 14]), 2), [np.nan, np.nan, 100 / 1.5, 200 / 2.25], rtol=1e-15)


@pytest.mark.parametrize(("prices", "value"), [([1, 2, 3], 100), ([3, 2, 1], 0), ([2, 2, 2], 0)])
def test_rsi_at_its_ends(prices: list[int], value: float) -> None:
    assert rsi(np.array(prices), 2)[-1] == value


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (2, 3, 2), (5, 35, 5)])
def test_macd_is_talibs(candles: np.ndarray, fast: int, slow: int, signal: int) -> None:
    # a difference of two averages near zero is worth the digits of the averages, not its own
    near = 1e-9 * candles["close"].max() * 1e-3
    for ours, theirs in zip(
        macd(candles["close"], fast, slow, signal), talib.MACD(candles["close"], fast, slow, signal), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=near)


def test_macd_by_hand() -> None:
    # slow EMA(2): 2, then 2/3 of the way; fast EMA(1) is the close itself; signal EMA(1) is the MACD itself
    value, signal, hist = macd(np.array([1, 3, 5]), 1, 2, 1)
    np.testing.assert_allclose(value, [np.nan, 1, 1], rtol=1e-15)
    np.testing.assert_array_equal(signal, value)
    np.testing.assert_array_equal(hist[1:], [0, 0])


def test_stoch_rsi_is_talibs_smoothed(candles: np.ndarray) -> None:
    k, d = stoch_rsi(candles["close"])
    theirs = talib.STOCHRSI(candles["close"], 14, 14, 3, 0)[1]
    np.testing.assert_allclose(k, theirs, rtol=1e-9, atol=1e-7)
    # candle 14: the first RSI, 27: a full range of them, 29: %K, 31: %D
    np.testing.assert_allclose(d[31:], talib.SMA(theirs[29:], 3)[2:], rtol=1e-9, atol=1e-7)
    assert np.isnan(d[:31]).all()
    assert not np.isnan(d[31])


def test_stoch_rsi_of_a_still_market_is_zero() -> None:
    moved = 100 + np.cumsum(np.random.default_rng(1).normal(size=60))
    k, d = stoch_rsi(np.concatenate([moved, np.full(60, moved[-1])]))
    assert (k[-40:] == 0).all()
    assert (d[-40:] == 0).all()
