"""Session VWAP and volume ratio against a plain computation and by hand. TA-Lib has neither."""

import numpy as np
import pytest

from triplane.kernel.indicators.volume import (
    DAY,
    VOLUME_RATIO,
    VWAP,
    volume_ratio_init,
    volume_ratio_step,
    vwap_init,
    vwap_step,
)
from triplane.kernel.jit import Arr, njit
from triplane.kernel.records import CANDLE

MIDNIGHT = 1_704_067_200_000  # 2024-01-01


@njit
def run_vwap(S: Arr, c: Arr, out: Arr) -> None:
    for i in range(c.size):
        out[0, i] = vwap_step(S[0], c[i])
        out[1, i] = S[0].upper
        out[2, i] = S[0].lower


@njit
def run_ratio(S: Arr, x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[i] = volume_ratio_step(S[0], x[i])


def vwap(c: np.ndarray, width: float = 2.0) -> np.ndarray:
    S = np.zeros(1, VWAP)
    vwap_init(S[0], width)
    out = np.empty((3, len(c)))
    run_vwap(S, c, out)
    return out


def ratio(volume: np.ndarray, fast: int, slow: int) -> np.ndarray:
    S = np.zeros(1, VOLUME_RATIO)
    volume_ratio_init(S[0], fast, slow)
    out = np.empty(len(volume))
    run_ratio(S, np.asarray(volume, dtype=float), out)
    return out


def flat_candles(rows: list[tuple[int, float, float]]) -> np.ndarray:
    """Candles of one price: (milliseconds after midnight, price, volume)."""
    return np.array([(MIDNIGHT + t, p, p, p, p, v) for t, p, v in rows], CANDLE)


def test_vwap_is_the_weighted_mean_of_each_day(candles: np.ndarray) -> None:
    candles = candles[:5_000]
    value, upper, lower = vwap(candles)
    typical = (candles["high"] + candles["low"] + candles["close"]) / 3
    day = candles["open_time"] // DAY
    for i in range(0, len(candles), 37):
        session = slice(int(np.searchsorted(day, day[i])), i + 1)
        mean = np.average(typical[session], weights=candles["volume"][session])
        sigma = np.sqrt(np.average((typical[session] - mean) ** 2, weights=candles["volume"][session]))
        np.testing.assert_allclose(
            [value[i], upper[i], lower[i]], [mean, mean + 2 * sigma, mean - 2 * sigma], rtol=1e-9
        )


def test_vwap_by_hand() -> None:
    # 1 at 10 and 3 at 14: mean 13, variance (1 x 9 + 3 x 1) / 4 = 3
    value, upper, lower = vwap(flat_candles([(0, 10, 1), (1, 14, 3)]), width=1.0)
    np.testing.assert_allclose(value, [10, 13], rtol=1e-15)
    np.testing.assert_allclose(upper, [10, 13 + np.sqrt(3)], rtol=1e-15)
    np.testing.assert_allclose(lower, [10, 13 - np.sqrt(3)], rtol=1e-15)


def test_vwap_begins_anew_at_midnight_utc() -> None:
    value, _, _ = vwap(flat_candles([(DAY - 1, 10, 1), (DAY, 20, 1), (3 * DAY + 5, 30, 1)]))
    assert value.tolist() == [10, 20, 30]


def test_vwap_of_a_session_without_volume_is_not_a_number() -> None:
    value, upper, lower = vwap(flat_candles([(0, 10, 1), (DAY, 11, 0), (DAY + 1, 12, 2), (DAY + 2, 15, 0)]))
    np.testing.assert_array_equal(value, [10, np.nan, 12, 12])
    np.testing.assert_array_equal(upper, value)
    np.testing.assert_array_equal(lower, value)


@pytest.mark.parametrize(("fast", "slow"), [(5, 20), (1, 3)])
def test_volume_ratio_is_mean_over_mean(candles: np.ndarray, fast: int, slow: int) -> None:
    # not TA-Lib's SMA, which is left with 1e-13 of a real hour without trade
    volume = candles["volume"]
    windows = np.lib.stride_tricks.sliding_window_view(volume, slow)
    with np.errstate(invalid="ignore"):
        expected = windows[:, -fast:].mean(axis=1) / windows.mean(axis=1)
    out = ratio(volume, fast, slow)
    assert np.isnan(out[: slow - 1]).all()
    np.testing.assert_allclose(out[slow - 1 :], expected, rtol=1e-12)


def test_volume_ratio_by_hand() -> None:
    np.testing.assert_allclose(ratio(np.array([1, 1, 4, 0]), 1, 3), [np.nan, np.nan, 2, 0], rtol=1e-15)


def test_volume_ratio_without_volume_is_not_a_number() -> None:
    # the zero is exact: nothing of the volume before is left in the sum
    assert np.isnan(ratio(np.array([0.1, 0.7, 1e9, 0, 0, 0, 0]), 2, 4)[6])
