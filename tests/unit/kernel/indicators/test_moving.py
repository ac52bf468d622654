"""Moving averages against TA-Lib, against exact windows, and by hand.

No difference of definition. TA-Lib's standard deviation subtracts squares of the level and so carries an error of its
own (about 1e-6 of sigma at a level of 30,000); the deviation is therefore held to the exact windows, the bands (in
``test_volatility``) to TA-Lib's.
"""

import math

import numpy as np
import pytest
import talib

from triplane.kernel.indicators.moving import (
    DEVIATION,
    EMA,
    MAX_WINDOW,
    SMA,
    WILDER,
    deviation_init,
    deviation_step,
    ema_init,
    ema_step,
    sma_init,
    sma_step,
    wilder_init,
    wilder_step,
)
from triplane.kernel.jit import Arr, njit


@njit
def run_ema(S: Arr, x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[i] = ema_step(S[0], x[i])


@njit
def run_wilder(S: Arr, x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[i] = wilder_step(S[0], x[i])


@njit
def run_sma(S: Arr, x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[i] = sma_step(S[0], x[i])


@njit
def run_deviation(S: Arr, x: Arr, average: Arr, sigma: Arr) -> None:
    for i in range(x.size):
        sigma[i] = deviation_step(S[0], x[i])
        average[i] = S[0].average


def sma(x: np.ndarray, period: int) -> np.ndarray:
    S = np.zeros(1, SMA)
    sma_init(S[0], period)
    out = np.empty(len(x))
    run_sma(S, np.asarray(x, dtype=float), out)
    return out


def deviation(x: np.ndarray, period: int) -> tuple[np.ndarray, np.ndarray]:
    S = np.zeros(1, DEVIATION)
    deviation_init(S[0], period)
    average, sigma = np.empty(len(x)), np.empty(len(x))
    run_deviation(S, np.asarray(x, dtype=float), average, sigma)
    return average, sigma


def ema(x: np.ndarray, period: int) -> np.ndarray:
    S = np.zeros(1, EMA)
    ema_init(S[0], period)
    out = np.empty(len(x))
    run_ema(S, np.asarray(x, dtype=float), out)
    return out


@pytest.mark.parametrize("period", [2, 20, 50, 200])
def test_ema_is_talibs(candles: np.ndarray, period: int) -> None:
    np.testing.assert_allclose(ema(candles["close"], period), talib.EMA(candles["close"], period), rtol=1e-13)


def test_ema_by_hand() -> None:
    # seed (1 + 2 + 3) / 3 = 2, alpha 1/2
    np.testing.assert_array_equal(ema(np.array([1, 2, 3, 6, 0]), 3), [np.nan, np.nan, 2, 4, 2])


def test_ema_of_period_one_is_the_input() -> None:
    np.testing.assert_array_equal(ema(np.array([3, 1, 2]), 1), [3, 1, 2])


def test_nan_is_passed_over_before_and_after_the_seed() -> None:
    nan = np.nan
    np.testing.assert_array_equal(ema(np.array([nan, 1, nan, 3, nan, 5]), 2), [nan, nan, nan, 2, 2, 4])


def test_wilder_by_hand() -> None:
    S = np.zeros(1, WILDER)
    wilder_init(S[0], 2)
    out = np.empty(4)
    run_wilder(S, np.array([1.0, 3.0, 6.0, 0.0]), out)
    np.testing.assert_array_equal(out, [np.nan, 2, 4, 2])


@pytest.mark.parametrize("period", [2, 3, 20, MAX_WINDOW])
def test_sma_is_talibs(candles: np.ndarray, period: int) -> None:
    np.testing.assert_allclose(sma(candles["close"], period), talib.SMA(candles["close"], period), rtol=1e-9)


def test_sma_by_hand() -> None:
    np.testing.assert_array_equal(sma(np.array([2, 4, 6, 8, 1]), 2), [np.nan, 3, 5, 7, 4.5])
    np.testing.assert_array_equal(sma(np.array([2, 4, 6]), 1), [2, 4, 6])


def test_an_average_forgets_what_left_the_window() -> None:
    # subtraction would leave 1e17 - 1e17 +- rounding behind
    x = np.array([1e17, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(sma(x, 3)[3:], [0.1, 0.2 / 3, 0.1 / 3, 0, 0], rtol=1e-15)


def test_windows_stay_exact_after_a_million_candles(long_walk: np.ndarray) -> None:
    average, sigma = deviation(long_walk, 20)
    tail = np.lib.stride_tricks.sliding_window_view(long_walk[-1_019:], 20)
    mean = np.array([math.fsum(w) / 20 for w in tail])
    exact = np.sqrt([math.fsum((w - m) ** 2) / 20 for w, m in zip(tail, mean, strict=True)])
    np.testing.assert_allclose(average[-1_000:], mean, rtol=1e-14)
    np.testing.assert_allclose(sigma[-1_000:], exact, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(sma(long_walk, 20)[-1_000:], mean, rtol=1e-14)


@pytest.mark.parametrize("period", [2, 20, 100])
def test_deviation_is_exact_in_every_window(candles: np.ndarray, period: int) -> None:
    close = candles["close"][:5_000]
    average, sigma = deviation(close, period)
    windows = np.lib.stride_tricks.sliding_window_view(close, period)
    assert np.isnan(sigma[: period - 1]).all()
    assert np.isnan(average[: period - 1]).all()
    np.testing.assert_allclose(average[period - 1 :], windows.mean(axis=1), rtol=1e-13)
    np.testing.assert_allclose(sigma[period - 1 :], windows.std(axis=1), rtol=1e-9, atol=1e-9)


def test_deviation_by_hand() -> None:
    average, sigma = deviation(np.array([1, 3, 5, 5, 5]), 2)
    np.testing.assert_array_equal(average, [np.nan, 2, 4, 5, 5])
    np.testing.assert_array_equal(sigma, [np.nan, 1, 1, 0, 0])


def test_a_still_market_has_no_deviation_whatever_came_before() -> None:
    _, sigma = deviation(np.array([1.0, 99_999.7] + [99_999.9] * 30), 7)
    assert (sigma[8:] == 0).all()


def test_nan_is_passed_over_by_windows() -> None:
    nan = np.nan
    np.testing.assert_array_equal(sma(np.array([nan, 1, nan, 3, 5]), 2), [nan, nan, nan, 2, 4])
    np.testing.assert_array_equal(deviation(np.array([nan, 1, nan, 3, 5]), 2)[1], [nan, nan, nan, 1, 1])
