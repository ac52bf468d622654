"""Moving averages against TA-Lib (no difference of definition) and by hand."""

import numpy as np
import pytest
import talib

from triplane.kernel.indicators.moving import EMA, WILDER, ema_init, ema_step, wilder_init, wilder_step
from triplane.kernel.jit import Arr, njit


@njit
def run_ema(S: Arr, x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[i] = ema_step(S[0], x[i])


@njit
def run_wilder(S: Arr, x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[i] = wilder_step(S[0], x[i])


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
