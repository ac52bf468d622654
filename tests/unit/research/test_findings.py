"""A backtest says what it was made of: period, gaps, impossible candles, and what the market itself did."""

from typing import Any

import numpy as np
import pytest

from triplane.data.generator import generate
from triplane.research.backtest import simulate

START = 1_735_689_600_000
DAY = 86_400_000


@pytest.fixture(scope="module")
def market() -> Any:
    return generate(seed=8, start_ms=START, n=2880)


def metrics(candles: Any) -> dict[str, Any]:
    return simulate(candles, strategy="ema_cross", symbol="X", timeframe="1m").metrics


def test_the_period_and_what_the_market_did(market: Any) -> None:
    found = metrics(market)
    assert (found["first"], found["last"]) == ("2025-01-01 00:00:00", "2025-01-03 00:00:00")
    assert (found["days"], found["bars"], found["missing_bars"], found["data_grade"]) == (2.0, 2880, 0, "A")
    assert found["data"] == ["100.000% of 2880 expected candles are usable."]
    assert found["buy_and_hold_pct"] == pytest.approx(100 * (market["close"][-1] / market["open"][0] - 1), abs=1e-12)


def test_two_days_four_months_apart_are_not_2880_bars_in_a_row(market: Any) -> None:
    apart = market.copy()
    apart["open_time"][1440:] += 120 * DAY
    found = metrics(apart)
    assert (found["days"], found["bars"], found["missing_bars"], found["data_grade"]) == (122.0, 2880, 172_800, "F")
    assert found["data"][0] == "1 gap, 172800 candles missing; the longest is 172800 from 2025-01-02 00:00:00."


def test_a_high_below_the_low_is_told(market: Any) -> None:
    bad = market.copy()
    bad["high"][700], bad["low"][700] = bad["low"][700], bad["high"][700] + 1.0
    found = metrics(bad)
    assert found["data_grade"] == "D"
    assert found["data"][0] == "1 candle with a price outside low to high, the first at 2025-01-01 11:40:00."


def test_one_candle_is_a_period_too(market: Any) -> None:
    found = metrics(np.ascontiguousarray(market[:1]))
    assert (found["bars"], found["days"], found["missing_bars"]) == (1, 1 / 1440, 0)
