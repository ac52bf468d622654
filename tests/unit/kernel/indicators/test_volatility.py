"""Volatility against TA-Lib and by hand.

ATR has no difference of definition from TA-Lib's.
"""

import numpy as np
import pytest
import talib

from triplane.kernel.indicators.volatility import ATR, atr_init, atr_step, true_range
from triplane.kernel.jit import Arr, njit


@njit
def run_atr(S: Arr, c: Arr, out: Arr) -> None:
    for i in range(c.size):
        out[i] = atr_step(S[0], c[i].high, c[i].low, c[i].close)


@pytest.mark.parametrize("period", [1, 2, 14])
def test_atr_is_talibs(candles: np.ndarray, period: int) -> None:
    S = np.zeros(1, ATR)
    atr_init(S[0], period)
    out = np.empty(len(candles))
    run_atr(S, candles, out)
    expected = talib.ATR(candles["high"], candles["low"], candles["close"], period)
    np.testing.assert_allclose(out, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("high", "low", "previous", "expected"),
    [(12, 10, 11, 2), (12, 10, 9, 3), (12, 10, 15, 5), (10, 10, 10, 0)],
    ids=["inside", "gap up", "gap down", "flat"],
)
def test_true_range(high: float, low: float, previous: float, expected: float) -> None:
    assert true_range(high, low, previous) == expected
