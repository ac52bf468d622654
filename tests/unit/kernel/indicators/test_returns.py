"""Rolling return against TA-Lib's ROCP (no difference of definition) and by hand."""

import numpy as np
import pytest
import talib

from triplane.kernel.indicators.returns import RETURN, return_init, return_step
from triplane.kernel.jit import Arr, njit


@njit
def run_return(S: Arr, x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[i] = return_step(S[0], x[i])


def returns(x: np.ndarray, period: int) -> np.ndarray:
    S = np.zeros(1, RETURN)
    return_init(S[0], period)
    out = np.empty(len(x))
    run_return(S, np.asarray(x, dtype=float), out)
    return out


@pytest.mark.parametrize("period", [1, 2, 20, 512])
def test_return_is_talibs(candles: np.ndarray, period: int) -> None:
    np.testing.assert_allclose(returns(candles["close"], period), talib.ROCP(candles["close"], period), rtol=1e-12)


def test_return_by_hand() -> None:
    np.testing.assert_array_equal(returns(np.array([4, 8, 5, 2]), 2), [np.nan, np.nan, 0.25, -0.75])
