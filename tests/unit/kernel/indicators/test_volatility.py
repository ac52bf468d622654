"""Volatility against TA-Lib and by hand.

Differences from TA-Lib: none for the ATR and the Bollinger bands. TA-Lib calls a sigma of less than 1e-7 none; ours is
what it is. Realised volatility and the rank of the ATR it does not have.
"""

import numpy as np
import pytest
import talib

from triplane.kernel.codes import UNKNOWN, Volatility
from triplane.kernel.indicators.volatility import (
    ATR,
    ATR_RANK,
    BOLLINGER,
    REALIZED,
    atr_init,
    atr_rank_init,
    atr_rank_step,
    atr_step,
    bollinger_init,
    bollinger_step,
    realized_init,
    realized_step,
    true_range,
)
from triplane.kernel.jit import Arr, njit


@njit
def run_atr(S: Arr, c: Arr, out: Arr) -> None:
    for i in range(c.size):
        out[i] = atr_step(S[0], c[i].high, c[i].low, c[i].close)


@njit
def run_bollinger(S: Arr, c: Arr, out: Arr) -> None:
    for i in range(c.size):
        bollinger_step(S[0], c[i].close)
        out[0, i] = S[0].upper
        out[1, i] = S[0].middle
        out[2, i] = S[0].lower


@njit
def run_realized(S: Arr, c: Arr, out: Arr) -> None:
    for i in range(c.size):
        out[i] = realized_step(S[0], c[i].close)


@njit
def run_rank(S: Arr, x: Arr, out: Arr, regime: Arr) -> None:
    for i in range(x.size):
        out[i] = atr_rank_step(S[0], x[i])
        regime[i] = S[0].regime


def rank(x: np.ndarray, period: int) -> tuple[np.ndarray, np.ndarray]:
    S = np.zeros(1, ATR_RANK)
    atr_rank_init(S[0], period, 25.0, 75.0, 95.0)
    out, regime = np.empty(len(x)), np.empty(len(x), np.int64)
    run_rank(S, np.asarray(x, dtype=float), out, regime)
    return out, regime


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


@pytest.mark.parametrize(("period", "width"), [(2, 1.0), (20, 2.0), (50, 2.5)])
def test_bollinger_is_talibs(candles: np.ndarray, period: int, width: float) -> None:
    S = np.zeros(1, BOLLINGER)
    bollinger_init(S[0], period, width)
    out = np.empty((3, len(candles)))
    run_bollinger(S, candles, out)
    for ours, theirs in zip(out, talib.BBANDS(candles["close"], period, width, width), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_realized_volatility_is_the_root_mean_square_of_log_returns(candles: np.ndarray) -> None:
    S = np.zeros(1, REALIZED)
    realized_init(S[0], 20)
    out = np.empty(len(candles))
    run_realized(S, candles, out)
    squares = np.diff(np.log(candles["close"])) ** 2
    exact = np.sqrt(np.lib.stride_tricks.sliding_window_view(squares, 20).mean(axis=1))
    assert np.isnan(out[:20]).all()
    np.testing.assert_allclose(out[20:], exact, rtol=1e-9)


def test_realized_volatility_by_hand() -> None:
    # prices e^0, e^1, e^3, e^3: returns 1, 2, 0
    S = np.zeros(1, REALIZED)
    realized_init(S[0], 2)
    values = [realized_step(S[0], float(np.exp(x))) for x in (0, 1, 3, 3)]
    np.testing.assert_allclose(values, [np.nan, np.nan, np.sqrt(2.5), np.sqrt(2)], rtol=1e-12)


def test_rank_by_hand() -> None:
    #           warm-up  |     3 of 4 lower, none, equal ones are not lower, all
    x = np.array([5, 1, 2, 3,   4,  1,  1,  9, 9])  # fmt: skip
    percentile, regime = rank(x, 5)
    np.testing.assert_array_equal(percentile, [np.nan] * 4 + [75, 0, 0, 100, 75])
    assert regime.tolist() == [UNKNOWN] * 4 + [
        Volatility.HIGH,
        Volatility.LOW,
        Volatility.LOW,
        Volatility.EXTREME,
        Volatility.HIGH,
    ]


def test_rank_is_the_share_of_lower_values() -> None:
    x = np.round(np.random.default_rng(4).normal(size=1_500), 2)
    percentile, regime = rank(np.concatenate([[np.nan] * 3, x]), 100)
    windows = np.lib.stride_tricks.sliding_window_view(x, 100)
    exact = 100 * (windows[:, :-1] < windows[:, -1:]).sum(axis=1) / 99
    np.testing.assert_allclose(percentile[102:], exact, rtol=1e-12)
    assert np.isnan(percentile[:102]).all()
    assert set(regime[102:]) == {Volatility.LOW, Volatility.NORMAL, Volatility.HIGH, Volatility.EXTREME}
