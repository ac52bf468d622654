"""Donchian channel and directional movement against TA-Lib and by hand.

Differences from TA-Lib: none; it begins +DI and -DI at candle ``period`` and ADX at ``2 * period - 1``, as we do.
"""

import numpy as np
import pytest
import talib

from triplane.kernel.indicators.trend import ADX, DONCHIAN, adx_init, adx_step, donchian_init, donchian_step
from triplane.kernel.jit import Arr, njit


@njit
def run_donchian(S: Arr, c: Arr, out: Arr) -> None:
    for i in range(c.size):
        donchian_step(S[0], c[i].high, c[i].low)
        out[0, i] = S[0].highest
        out[1, i] = S[0].lowest


@njit
def run_adx(S: Arr, high: Arr, low: Arr, close: Arr, out: Arr) -> None:
    for i in range(close.size):
        out[0, i] = adx_step(S[0], high[i], low[i], close[i])
        out[1, i] = S[0].plus_di
        out[2, i] = S[0].minus_di


def adx(high: np.ndarray, low: np.ndarray, close: np.ndarray, period: int) -> np.ndarray:
    S = np.zeros(1, ADX)
    adx_init(S[0], period)
    out = np.empty((3, len(close)))
    run_adx(S, *(np.asarray(x, dtype=float) for x in (high, low, close)), out)
    return out


@pytest.mark.parametrize("period", [2, 3, 20, 512])
def test_donchian_is_talibs(candles: np.ndarray, period: int) -> None:
    S = np.zeros(1, DONCHIAN)
    donchian_init(S[0], period)
    out = np.empty((2, len(candles)))
    run_donchian(S, candles, out)
    np.testing.assert_array_equal(out[0], talib.MAX(candles["high"], period))
    np.testing.assert_array_equal(out[1], talib.MIN(candles["low"], period))


def test_donchian_by_hand() -> None:
    S = np.zeros(1, DONCHIAN)
    donchian_init(S[0], 2)
    seen = []
    for high, low in [(5, 4), (7, 6), (6, 3), (np.nan, np.nan), (2, 1)]:
        donchian_step(S[0], high, low)
        seen.append((float(S[0].highest), float(S[0].lowest)))
    np.testing.assert_array_equal(seen, [(np.nan, np.nan), (7, 4), (7, 3), (7, 3), (6, 1)])


def test_donchian_of_one_candle_is_the_candle() -> None:
    S = np.zeros(1, DONCHIAN)
    donchian_init(S[0], 1)
    for high, low in [(5, 4), (7, 6), (2, 1)]:
        donchian_step(S[0], high, low)
        assert (S[0].highest, S[0].lowest) == (high, low)


@pytest.mark.parametrize("period", [2, 14, 30])
def test_adx_is_talibs(candles: np.ndarray, period: int) -> None:
    high, low, close = candles["high"], candles["low"], candles["close"]
    value, plus, minus = adx(high, low, close, period)
    np.testing.assert_allclose(value, talib.ADX(high, low, close, period), rtol=1e-9)
    np.testing.assert_allclose(plus, talib.PLUS_DI(high, low, close, period), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(minus, talib.MINUS_DI(high, low, close, period), rtol=1e-9, atol=1e-12)


def test_adx_by_hand() -> None:
    # period 2. Candle 1: up 2, range 3 | 2: up 2, range 3, sums 1 + 2 and 1.5 + 3 | 3: down 3, sums 1.5, 3, 2.25 + 4
    high, low, close = [10, 12, 14, 13], [8, 10, 12, 9], [9, 11, 13, 10]
    value, plus, minus = adx(np.array(high), np.array(low), np.array(close), 2)
    np.testing.assert_allclose(plus, [np.nan, np.nan, 300 / 4.5, 150 / 6.25], rtol=1e-14)
    np.testing.assert_allclose(minus, [np.nan, np.nan, 0, 300 / 6.25], rtol=1e-14)
    np.testing.assert_allclose(value, [np.nan] * 3 + [(100 + 100 / 3) / 2], rtol=1e-14)


def test_equal_moves_to_both_sides_are_no_direction() -> None:
    _, plus, minus = adx(np.array([10, 11, 12]), np.array([8, 7, 6]), np.array([9, 9, 9]), 2)
    assert (plus[2], minus[2]) == (0, 0)


def test_a_market_that_never_moved_has_no_direction() -> None:
    flat = np.full(40, 5.0)
    value, plus, minus = adx(flat, flat, flat, 14)
    assert (plus[14:] == 0).all()
    assert (minus[14:] == 0).all()
    assert np.isnan(value).all()
